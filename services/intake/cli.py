"""Keys at the command line, for operators."""

import argparse
import sys
from datetime import UTC, datetime, timedelta
from getpass import getpass
from ipaddress import ip_network

from services.intake.access.key_scopes import CLIENT_SCOPES, KeyScope
from services.intake.admin.key_views import ApiKeyView
from services.intake.commands.keys import OVERLAP, find_key, list_keys, put_key, revoke_key, rotate_key
from services.intake.models import StoredApiKey
from services.intake.osticket.keys import old_key
from services.intake.settings import IntakeSettings
from shared.kit.administrator_passes import Administrator
from shared.kit.auth import ApiKey
from shared.kit.clock import utc_now
from shared.kit.configuration_changes import record_change
from shared.kit.db import Database, Session

COMMAND_LINE = Administrator("", "The command line", "")
MAX_HOURS = 24 * 366
MAX_LINE = 200


async def create_key(database: Database, settings: IntakeSettings) -> None:
    """Makes a key and prints it; it cannot be shown again."""
    parser = _parser("create-key", "Make an API key for a client program.")
    parser.add_argument("name", help="who will use it")
    parser.add_argument(
        "--scopes",
        nargs="+",
        type=KeyScope,
        choices=list(KeyScope),
        default=list(CLIENT_SCOPES),
        help="default: create, read and reply",
    )
    parser.add_argument(
        "--per-minute", type=_positive, default=settings.api_key_per_minute, help="default: %(default)s"
    )
    parser.add_argument("--cidr", nargs="*", type=_network, default=[], dest="cidrs", help="addresses it may come from")
    parser.add_argument("--expires", type=_instant, dest="expires_at", help="a day or an instant, in UTC if not said")
    asked, key = _asked(parser), ApiKey.make()
    async with database.begin() as session:
        await put_key(
            session,
            key,
            asked.name,
            asked.scopes,
            per_minute=asked.per_minute,
            cidrs=asked.cidrs,
            expires_at=asked.expires_at,
        )
        await _record(session, key.key_id, "added")
    sys.stdout.write(f"{key}\n")


async def import_osticket_key(database: Database, settings: IntakeSettings) -> None:
    """Takes over a key of an osTicket client, read from standard input: on a command line others would see it."""
    parser = _parser("import-osticket-key", "Let an osTicket client go on with its key, given on standard input.")
    parser.add_argument("name", help="who uses it")
    parser.add_argument("--cidr", nargs="*", type=_network, default=[], dest="cidrs", help="addresses it may come from")
    asked = _asked(parser)
    key = old_key(getpass("Key: ") if sys.stdin.isatty() else sys.stdin.readline(MAX_LINE).strip())
    if key is None:
        parser.exit(1, "a key of osTicket has 32 hexadecimal digits\n")
    async with database.begin() as session:
        per_minute = settings.api_key_per_minute
        await put_key(
            session, key, asked.name, [KeyScope.CREATE], per_minute=per_minute, cidrs=asked.cidrs, is_legacy=True
        )
        await _record(session, key.key_id, "added")
    sys.stdout.write(f"{key.key_id}\n")


async def list_all_keys(database: Database, _settings: IntakeSettings) -> None:
    """Prints every key without its secret."""
    _asked(_parser("list-keys", "List the API keys."))
    async with database.begin() as session:
        keys = await list_keys(session)
    now = utc_now()
    for key in keys:
        scopes, cidrs = ",".join(key.scopes), ",".join(key.cidrs) or "any address"
        sys.stdout.write(
            f"{key.key_id}  {_state_of(key, now):<8} {scopes:<18} {key.per_minute:>6}/min  {cidrs}  "
            f"expires {_when(key.expires_at):<17} last used {_when(key.last_used_at):<17} {key.name}"
            f"{_rotation_of(key, now)}\n"
        )


async def rotate(database: Database, _settings: IntakeSettings) -> None:
    """Prints a new secret for a key; the old one goes on working for a while."""
    parser = _parser("rotate-key", "Give an API key a new secret; the old one works until the overlap is over.")
    parser.add_argument("key_id", help="the 16 characters after hd_")
    parser.add_argument(
        "--overlap-hours", type=_hours, default=OVERLAP, dest="overlap", help="default: 24; 0 stops the old one at once"
    )
    asked = _asked(parser)
    async with database.begin() as session:
        key = await rotate_key(session, asked.key_id, utc_now(), asked.overlap)
        if key is not None:
            await _record(session, asked.key_id, "new secret")
    if key is None:
        parser.exit(1, f"there is no active key {asked.key_id} that could be rotated\n")
    sys.stdout.write(f"{key}\n")


async def revoke(database: Database, _settings: IntakeSettings) -> None:
    """Switches a key off."""
    parser = _parser("revoke-key", "Switch an API key off; it stops working within seconds.")
    parser.add_argument("key_id", help="the 16 characters after hd_")
    asked = _asked(parser)
    async with database.begin() as session:
        is_known = await revoke_key(session, asked.key_id)
        if is_known:
            await _record(session, asked.key_id, "revoked")
    if not is_known:
        parser.exit(1, f"there is no key {asked.key_id}\n")


async def _record(session: Session, key_id: str, what: str) -> None:
    """Writes a change of a key into the audit log."""
    stored = await find_key(session, key_id)
    if stored is not None:
        view = ApiKeyView.of(stored, utc_now())
        before = None if what == "added" else view
        note = "" if what == "added" else what
        await record_change(session, COMMAND_LINE, ("api-key", key_id, stored.name), before, view, note=note)


def _state_of(key: StoredApiKey, now: datetime) -> str:
    if not key.is_active:
        return "revoked"
    return "expired" if key.expires_at and key.expires_at <= now else "active"


def _rotation_of(key: StoredApiKey, now: datetime) -> str:
    is_overlapping = key.previous_until is not None and key.previous_until > now
    return f" (the secret before works until {_when(key.previous_until)})" if is_overlapping else ""


def _when(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else "never"


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"python -m services.intake.main {command}", description=description)


def _asked(parser: argparse.ArgumentParser) -> argparse.Namespace:
    return parser.parse_args(sys.argv[2:])


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _hours(text: str) -> timedelta:
    hours = float(text)
    if not 0 <= hours <= MAX_HOURS:
        raise argparse.ArgumentTypeError(f"must be from 0 to {MAX_HOURS}")
    return timedelta(hours=hours)


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at <= utc_now():
        raise argparse.ArgumentTypeError("must lie in the future")
    return at


def _network(text: str) -> str:
    return str(ip_network(text))
