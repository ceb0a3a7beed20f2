"""`python -m tests.audit [requirements.lock …]`: exits with 0, 1 (vulnerable) or 2 (not everything could be looked up).

pip-audit is installed into an environment of its own, as what it brings along is nothing the project needs.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.audit.advisories import audit, locked_in, newest_release

ROOT = Path(__file__).resolve().parents[2]
TOOL = "pip-audit==2.10.1"
OWN = ROOT / ".venv" / "audit"
SECONDS = 300


def main() -> int:
    """Returns the exit status: the gravest of all lock files."""
    asked = [Path(name) for name in sys.argv[1:]] or [ROOT / "requirements.lock"]
    statuses = set[int]()
    for lock in asked:
        result = audit(_report(lock), locked_in(lock.read_text()), newest_release)
        sys.stdout.write("\n".join((f"{lock.name}:", *result.sentences())) + "\n")
        statuses.add(result.status)
    return next(status for status in (1, 2, 0) if status in statuses)


def _report(lock: Path) -> dict[str, Any]:
    """pip-audit's own; nothing where it cannot be had or run."""
    tool = OWN / "bin" / "pip-audit"
    command = [str(tool), "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    try:
        if not tool.exists():
            subprocess.run([sys.executable, "-m", "venv", OWN], check=True, capture_output=True)
            pip = [str(OWN / "bin" / "python"), "-m", "pip", "install", "--quiet", TOOL]
            subprocess.run(pip, check=True, capture_output=True, timeout=SECONDS)
        ran = subprocess.run(
            [*command, "--format", "json", "--progress-spinner", "off"],
            check=False,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        report: dict[str, Any] = json.loads(ran.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as problem:
        sys.stdout.write(f"pip-audit could not be run ({type(problem).__name__}): the index alone is asked.\n")
        return {}
    return report


if __name__ == "__main__":
    sys.exit(main())
