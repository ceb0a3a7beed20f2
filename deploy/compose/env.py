"""`python3 -m deploy.compose.env`: writes .env from .env.example with every secret generated."""

import argparse
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
API_KEY = "EVERDESK_SEED_API_KEY"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m deploy.compose.env", description=__doc__)
    parser.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="a value for a setting of .env.example")
    parser.add_argument("--output", type=Path, default=ROOT / ".env")
    arguments = parser.parse_args()
    try:
        chosen = dict(pair.split("=", 1) for pair in arguments.settings)
        text = filled((ROOT / ".env.example").read_text(encoding="utf-8"), chosen)
        write_new(arguments.output, text)
    except FileExistsError:
        sys.stderr.write(f"{arguments.output} is there already, and its secrets open existing data: not touched.\n")
        return 1
    except ValueError as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    sys.stdout.write(f"Wrote {arguments.output}, readable by you alone.\n")
    return 0


def filled(example: str, chosen: Mapping[str, str]) -> str:
    """The example with empty values made up and chosen ones put in. Raises ValueError for a name it does not have."""
    left = dict(chosen)
    lines = [_line(line, left) for line in example.splitlines()]
    if left:
        raise ValueError(f"not in .env.example: {', '.join(sorted(left))}")
    return "\n".join(lines) + "\n"


def _line(line: str, chosen: dict[str, str]) -> str:
    name, equals, value = line.removeprefix("#").partition("=")
    if not equals or not name.isupper() or " " in name:
        return line
    if name in chosen:
        return f"{name}={chosen.pop(name)}"
    return line if value or line.startswith("#") else f"{name}={_secret(name)}"


def _secret(name: str) -> str:
    if name == API_KEY:
        return f"hd_{secrets.token_hex(8)}_{secrets.token_urlsafe(32)}"
    return secrets.token_hex(24)


def write_new(path: Path, text: str) -> None:
    """Raises FileExistsError instead of replacing a file."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main())
