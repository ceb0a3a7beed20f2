"""`everdesk outbox`: events that the bus refuses however often they are published."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console

from deploy.cli.environment import DATABASE_URL, database_url
from deploy.cli.errors import CliError, friendly_errors
from deploy.local.plan import SERVICES
from shared.kit.db import OUTBOX_CHANNEL
from shared.kit.outbox_order import ABOUT_LENGTH

app = typer.Typer(no_args_is_help=True, help="List, read, replay and discard events that the bus refuses.")
console = Console(highlight=False, markup=False, soft_wrap=True)
ANSWERS_WITHIN = 5.0
LISTED = f"""
select id, event_id, subject, refusals, last_refusal, parked_at, octet_length(envelope) as size,
  (select count(*) from outbox as later where later.parked_at is null and later.id > parked.id
    and right(later.subject, {ABOUT_LENGTH}) = right(parked.subject, {ABOUT_LENGTH})) as behind
from outbox as parked where parked_at is not null order by id limit $1
"""  # noqa: S608 - SQL made of constants
NOTIFY = "select pg_notify($1, '')"
REPLAY = """
update outbox set parked_at = null, refusals = 0, last_refusal = null
where parked_at is not null and ($1 or id = any($2::bigint[])) returning id
"""

Service = Annotated[str, typer.Argument(help=f"Whose: {', '.join(SERVICES)}")]
Rows = Annotated[list[int], typer.Argument(min=1, help="Numbers as `list` shows them")]


@app.command("list", epilog="Example: everdesk outbox list")
@friendly_errors
def list_parked(
    service: Annotated[str | None, typer.Option("--service", help="Only this one's")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many of each service")] = 50,
) -> None:
    """List parked events, oldest first."""
    if service is None and os.environ.get(DATABASE_URL):
        raise CliError(f"{DATABASE_URL} names one database: say whose it is with --service.")
    names = [_known(service)] if service else SERVICES
    count = sum(asyncio.run(_list(name, limit)) for name in names)
    console.print(f"{count} parked event{'' if count == 1 else 's'}", style="dim")


@app.command(epilog="Example: everdesk outbox show assignment 7")
@friendly_errors
def show(service: Service, row: Annotated[int, typer.Argument(min=1, help="Number as `list` shows it")]) -> None:
    """Show one parked event, which may hold people's words and addresses."""
    console.print(asyncio.run(_content(_known(service), row)))


@app.command(epilog="Example: everdesk outbox replay assignment 7 8    or: everdesk outbox replay assignment --all")
@friendly_errors
def replay(
    service: Service,
    rows: Annotated[list[int] | None, typer.Argument(min=1, help="Numbers as `list` shows them")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All of them, instead of numbers")] = False,
) -> None:
    """Have the relay publish events again, as when the bus has been set to take larger ones."""
    if bool(rows) == everything:
        raise CliError("Say which: numbers as 'list' shows them, or --all.")
    done = asyncio.run(_change(_known(service), REPLAY, everything, rows or []))
    console.print(f"{done} put back; what is refused again is parked again", style="dim")


@app.command(epilog="Example: everdesk outbox discard assignment 7 --yes")
@friendly_errors
def discard(
    service: Service, rows: Rows, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False
) -> None:
    """Remove parked events for good: nobody will ever hear of what they tell."""
    if not yes:
        typer.confirm(f"Remove {len(rows)} event(s) for good?", abort=True)
    statement = "delete from outbox where parked_at is not null and id = any($1::bigint[]) returning id"
    console.print(f"{asyncio.run(_change(_known(service), statement, rows))} discarded", style="dim")


def _known(service: str) -> str:
    if service not in SERVICES:
        raise CliError(f"There is no service {service!r}; there are {', '.join(SERVICES)}.")
    return service


@asynccontextmanager
async def _connection(service: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """The service's database. Raises CliError if it does not answer."""
    try:
        url = database_url(service).replace("+asyncpg", "", 1)
        connection = await asyncpg.connect(url, timeout=ANSWERS_WITHIN, command_timeout=ANSWERS_WITHIN)
    except (OSError, TimeoutError, asyncpg.PostgresError) as problem:
        raise CliError(f"The database of {service} does not answer: {problem!r}") from None
    try:
        yield connection
    finally:
        await connection.close()


async def _list(service: str, limit: int) -> int:
    async with _connection(service) as connection:
        rows = await connection.fetch(LISTED, limit)
    for row in rows:
        console.print(
            f"{service:<12} {row['id']:>8}  {row['parked_at']:%Y-%m-%d %H:%M:%S}  {row['refusals']} x  "
            f"{row['size']} bytes  {row['subject']}  {row['last_refusal']}{_behind(row['behind'])}"
        )
    return len(rows)


def _behind(count: int) -> str:
    """What else does not leave because of it."""
    return f"  {count} later event{' about it waits' if count == 1 else 's about it wait'}" if count else ""


async def _content(service: str, row_id: int) -> str:
    async with _connection(service) as connection:
        envelope = await connection.fetchval(
            "select envelope from outbox where id = $1 and parked_at is not null", row_id
        )
    if envelope is None:
        raise CliError(f"There is no parked event {row_id} in {service}.")
    return json.dumps(json.loads(envelope), indent=2, ensure_ascii=False)


async def _change(service: str, statement: str, *values: bool | Sequence[int]) -> int:
    """Changes rows, lets the relay know, and returns how many they were."""
    async with _connection(service) as connection:
        changed = await connection.fetch(statement, *values)
        await connection.execute(NOTIFY, OUTBOX_CHANNEL)
        return len(changed)
