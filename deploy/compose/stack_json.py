"""`python3 -m deploy.compose.stack_json`: describes the running container stack as the local one's stack.json does.

So that `make demo` and other scripts find it: the file goes to EVERDESK_HOME (default .everdesk).
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.compose.env import ROOT
from deploy.local.demo_accounts import DEMO_ACCOUNTS
from deploy.local.private_files import write_private

PORTS = {"intake": 8001, "assignment": 8002, "notification": 8003, "mail": 8025, "temporal_ui": 8233, "mail_in": 2525}
WITHOUT_HTTP = frozenset({"mail_in"})


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m deploy.compose.stack_json", description=__doc__)
    parser.add_argument("--env", type=Path, default=ROOT / ".env")
    arguments = parser.parse_args()
    try:
        settings = read_env(arguments.env.read_text(encoding="utf-8"))
        description = described(settings)
    except FileNotFoundError:
        sys.stderr.write(f"There is no {arguments.env}: 'python3 -m deploy.compose.env' writes one.\n")
        return 1
    except (KeyError, ValueError) as problem:
        sys.stderr.write(f"{arguments.env} cannot be used: {problem} is missing or wrong.\n")
        return 1
    home = Path(os.environ.get("EVERDESK_HOME", ".everdesk")).absolute()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = home / "stack.json"
    write_private(target, json.dumps(description, indent=2) + "\n")
    sys.stdout.write(f"Wrote {target}\n")
    return 0


def read_env(text: str) -> dict[str, str]:
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def described(settings: Mapping[str, str]) -> dict[str, object]:
    """The same keys as deploy.local writes; containers have no process ids of interest."""
    host = settings.get("EVERDESK_BIND_ADDRESS", "127.0.0.1").replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    ports = {name: int(settings.get(f"EVERDESK_{name.upper()}_PORT", default)) for name, default in PORTS.items()}
    return {
        "urls": {name: f"http://{host}:{port}" for name, port in ports.items() if name not in WITHOUT_HTTP},
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


if __name__ == "__main__":
    sys.exit(main())
