"""`everdesk audit`: proves that no entry of the audit log was changed, removed or put in."""

import asyncio
import json
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console

from deploy.cli.environment import database_url
from deploy.cli.errors import CliError, friendly_errors
from shared.kit.audit_log import Verification, verify_chain

app = typer.Typer(no_args_is_help=True, help="Verify the audit log of configuration changes.")
console = Console(highlight=False, markup=False, soft_wrap=True)


class AuditedService(StrEnum):
    """The services that keep an audit log."""

    ASSIGNMENT = "assignment"
    INTAKE = "intake"
    NOTIFICATION = "notification"
    ALL = "all"


ANSWERS_WITHIN = 10.0
ENTRIES = "select * from audit_log order by seq"


@app.command(epilog="Example: everdesk audit verify --expect 4f1c…")
@friendly_errors
def verify(
    expect: Annotated[
        str | None, typer.Option("--expect", help="A hash that an earlier run printed: it must still be in the log")
    ] = None,
    service: Annotated[
        AuditedService,
        typer.Option("--service", help="Whose log; `all` verifies those of all services"),
    ] = AuditedService.ASSIGNMENT,
) -> None:
    """Recompute the hash of every entry; exit 1 if the log does not hold together."""
    if service is not AuditedService.ALL:
        if not _tell(asyncio.run(_verify(service.value, expect))):
            raise typer.Exit(1)
        return
    if expect:
        raise CliError("A hash is of one log: say whose with --service.")
    every = [one for one in AuditedService if one is not AuditedService.ALL]
    held = [_tell(asyncio.run(_verify(one.value, None)), f"{one.value}: ") for one in every]
    if not all(held):
        raise typer.Exit(1)


def _tell(verified: tuple[Verification, bool], of: str = "") -> bool:
    """Prints what was found; whether the log holds together."""
    found, is_expected = verified
    if found.broken_at is not None:
        console.print(f"{of}Broken at entry {found.broken_at}: {found.reason}.", style="red")
        return False
    if not is_expected:
        console.print("The log holds together, but no entry has the expected hash: it was written anew.", style="red")
        return False
    newest = f", the newest hash is {found.newest_hash.hex()}" if found.entries else ""
    console.print(f"{of}{found.entries} entries hold together{newest}.")
    return True


async def _verify(service: str, expect: str | None) -> tuple[Verification, bool]:
    try:
        url = database_url(service).replace("+asyncpg", "", 1)
        connection = await asyncpg.connect(url, timeout=ANSWERS_WITHIN)
    except (OSError, TimeoutError, asyncpg.PostgresError) as problem:
        raise CliError(f"The database of {service} does not answer: {problem!r}") from None
    seen: set[str] = set()

    async def rows() -> AsyncIterator[dict[str, Any]]:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            async for record in connection.cursor(ENTRIES):
                row = dict(record)
                row |= {name: json.loads(row[name]) for name in ("before", "after") if row[name] is not None}
                if expect and row["hash"].hex() == expect.strip().lower():
                    seen.add(expect)
                yield row

    try:
        found = await verify_chain(rows())
    finally:
        await connection.close()
    return found, expect is None or bool(seen)
