"""`python3 -m deploy.compose.stack_json`: describes the running container stack as the local one's stack.json does.

So that `make demo` and other scripts find it: the file goes to EVERDESK_HOME (default .everdesk). Where the front door
has a certificate of its own authority, that authority's is fetched from its container and put next to it.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.compose.env import ROOT
from deploy.local.demo_accounts import DEMO_ACCOUNTS
from deploy.local.private_files import write_private

PORTS = {"mail": 8025, "temporal_ui": 8233, "mail_in": 2525}
CONSOLES = {"mail", "temporal_ui"}
CA_FILE = "front-door-ca.crt"
AUTHORITY = "/var/lib/front-door/pki/authorities/local/root.crt"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m deploy.compose.stack_json", description=__doc__)
    parser.add_argument("--env", type=Path, default=ROOT / ".env")
    parser.add_argument("--project-name", help="as given to docker compose; else its own choice")
    arguments = parser.parse_args()
    home = Path(os.environ.get("EVERDESK_HOME", ".everdesk")).absolute()
    try:
        settings = read_env(arguments.env.read_text(encoding="utf-8"))
        described_stack = described(settings)
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if settings.get("EVERDESK_TLS", "internal") == "internal":
            ca_file = home / CA_FILE
            write_private(ca_file, _authority(settings, arguments.env, arguments.project_name))
            described_stack["ca_file"] = str(ca_file)
    except FileNotFoundError as problem:
        sys.stderr.write(f"There is no {problem.filename}: 'python3 -m deploy.compose.env' writes {arguments.env}.\n")
        return 1
    except (KeyError, ValueError) as problem:
        sys.stderr.write(f"{arguments.env} cannot be used: {problem} is missing or wrong.\n")
        return 1
    except subprocess.CalledProcessError as problem:
        sys.stderr.write(f"The front door does not answer; start the stack first. {problem.stderr.strip()}\n")
        return 1
    target = home / "stack.json"
    write_private(target, json.dumps(described_stack, indent=2) + "\n")
    sys.stdout.write(f"Wrote {target}\n")
    return 0


def read_env(text: str) -> dict[str, str]:
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def described(settings: Mapping[str, str]) -> dict[str, object]:
    """The same keys as deploy.local writes; containers have no process ids of interest."""
    portal = settings.get("EVERDESK_PORTAL_URL", "https://localhost:8443").rstrip("/")
    urls = {
        "intake": portal,
        "assignment": settings.get("EVERDESK_DESK_URL", f"{portal}/desk").rstrip("/"),
        "notification": f"{portal}/notify",
    }
    shown = CONSOLES if "consoles.yml" in settings.get("COMPOSE_FILE", "") else set()
    ports = {
        name: int(str(settings.get(f"EVERDESK_{name.upper()}_PORT", default)).partition("-")[0])
        for name, default in PORTS.items()
        if name in shown or name not in CONSOLES
    }
    return {
        "urls": urls | {name: f"http://127.0.0.1:{ports[name]}" for name in sorted(shown)},
        "ports": ports,
        "pids": {},
        "credentials": {
            "api_key": settings["EVERDESK_SEED_API_KEY"],
            "operator_token": settings["EVERDESK_OPERATOR_TOKEN"],
            "agents": [
                {"email": account.email, "password": settings["EVERDESK_SEED_PASSWORD"], "role": account.role}
                for account in DEMO_ACCOUNTS
            ],
        },
    }


def _authority(settings: Mapping[str, str], env_file: Path, project: str | None) -> str:
    """The certificate of the front door's own authority. Raises CalledProcessError while it does not run."""
    service = "front-door-wheel" if settings.get("COMPOSE_PROFILES") == "single-binary" else "front-door"
    named = ["--project-name", project] if project else []
    done = subprocess.run(
        [*_compose(), "--env-file", str(env_file), *named, "exec", "-T", service, "cat", AUTHORITY],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _compose() -> list[str]:
    """Compose v2 as a plugin of docker, or docker-compose."""
    if shutil.which("docker"):
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        if plugin.returncode == 0:
            return ["docker", "compose"]
    return ["docker-compose"]


if __name__ == "__main__":
    sys.exit(main())
