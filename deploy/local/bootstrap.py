"""Run by whatever `python3` there is, before anything is installed: says what is missing, then makes .venv.

Kept to what Python 3.6 can read, so that an old interpreter gives a sentence instead of a traceback.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
NEEDED_MB = 500
ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LAUNCHER = """\
#!/bin/sh
PYTHONPATH='{root}'"${{PYTHONPATH:+:$PYTHONPATH}}" exec '{python}' -m deploy.cli "$@"
"""


def main(lock_name: str) -> None:
    check_python()
    lock = ROOT / lock_name
    stamp = VENV / f".{lock_name}.sha256"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    check_disk()
    if not PYTHON.exists():
        make_venv()
    install(lock)
    write_launcher()
    stamp.write_text(wanted)


def check_python() -> None:
    found = sys.version_info[:2]
    if found < OLDEST:
        fail(
            f"Everdesk needs Python {OLDEST[0]}.{OLDEST[1]} or newer, and {sys.executable} is "
            f"{found[0]}.{found[1]}. Install a newer one and name it: make run PYTHON=python3.11"
        )


def check_disk() -> None:
    status = os.statvfs(str(ROOT))
    free = status.f_bavail * status.f_frsize // 1000000
    if free < NEEDED_MB:
        fail(
            f"Only {free} MB are free where this checkout lives, and installing needs {NEEDED_MB} MB. "
            "Free some space, or move the checkout to a larger disk."
        )


def make_venv() -> None:
    major, minor = sys.version_info[:2]
    say(f"Making .venv with Python {major}.{minor} ...")
    if subprocess.call([sys.executable, "-m", "venv", str(VENV)]) != 0:
        fail(
            "Making the virtual environment failed. On Debian and Ubuntu the module 'venv' is a package of "
            f"its own: 'apt-get install python{major}.{minor}-venv', then remove .venv and try again."
        )


def install(lock: Path) -> None:
    pins = [line for line in lock.read_text().splitlines() if "==" in line and line[0].isalnum()]
    say(f"Installing {len(pins)} packages from {lock.name} ... (a minute or two, the first time)")
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    if subprocess.call([*pip, "--require-hashes", "-r", str(lock)]) != 0:
        fail(
            f"Installing the packages in {lock.name} failed; pip says why above. Most often the index "
            "cannot be reached: check the network and pip's settings (PIP_INDEX_URL, PIP_CERT, a proxy), "
            "then run this again."
        )


def write_launcher() -> None:
    """`.venv/bin/everdesk`, the operator's command, works from any folder."""
    launcher = VENV / "bin" / "everdesk"
    launcher.write_text(LAUNCHER.format(root=ROOT, python=PYTHON))
    launcher.chmod(0o755)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def fail(paragraph: str) -> None:
    sys.stderr.write("\n" + paragraph + "\n\n")
    sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
