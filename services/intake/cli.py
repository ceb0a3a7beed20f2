"""Keys at the command line, for operators."""

import argparse
import sys
from ipaddress import ip_network

from services.intake.commands.keys import Scope, list_keys, put_key, revoke_key
from services.intake.settings import IntakeSettings
from shared.kit.auth import ApiKey
from shared.kit.db import Database


async def create_key(database: Database, settings: IntakeSettings) -> None:
    """Makes a key and prints it; it cannot be shown again."""
    parser = _parser("create-key", "Make an API key for a client program.")
    parser.add_argument("name", help="who will use it")
    parser.add_argument(
        "--scopes", nargs="+", type=Scope, choices=list(Scope), default=list(Scope), help="default: all"
    )
    parser.add_argument(
        "--per-minute", type=_positive, default=settings.api_key_per_minute, help="default: %(default)s"
    )
    parser.add_argument("--cidr", nargs="*", type=_network, default=[], dest="cidrs", help="addresses it may come from")
    asked, key = _asked(parser), ApiKey.make()
    async with database.begin() as session:
        await put_key(session, key, asked.name, asked.scopes, per_minute=asked.per_minute, cidrs=asked.cidrs)
    sys.stdout.write(f"{key}\n")


async def list_all_keys(database: Database, _settings: IntakeSettings) -> None:
    """Prints every key without its secret."""
    _asked(_parser("list-keys", "List the API keys."))
    async with database.begin() as session:
        keys = await list_keys(session)
    for key in keys:
        state = "active" if key.is_active else "revoked"
        used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
        sys.stdout.write(f"{key.key_id}  {state:<8} {','.join(key.scopes):<18} last used {used:<17} {key.name}\n")


async def revoke(database: Database, _settings: IntakeSettings) -> None:
    """Switches a key off."""
    parser = _parser("revoke-key", "Switch an API key off; it stops working within seconds.")
    parser.add_argument("key_id", help="the 16 characters after hd_")
    asked = _asked(parser)
    async with database.begin() as session:
        is_known = await revoke_key(session, asked.key_id)
    if not is_known:
        parser.exit(1, f"there is no key {asked.key_id}\n")


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"python -m services.intake.main {command}", description=description)


def _asked(parser: argparse.ArgumentParser) -> argparse.Namespace:
    return parser.parse_args(sys.argv[2:])


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _network(text: str) -> str:
    return str(ip_network(text))
