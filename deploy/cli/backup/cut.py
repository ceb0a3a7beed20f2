"""One instant of all databases and of Temporal, while everything goes on working.

An event is announced by a row in its service's outbox, and only then has its effect elsewhere. So while all outboxes
are locked against new rows, nothing that is announced can take effect anywhere: snapshots taken meanwhile agree about
every event. It takes milliseconds; transactions that announce something wait for as long.

Temporal is fixed after the databases: a workflow may then be ahead of them, which its history heals, and never behind.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from deploy.cli.errors import CliError

ANSWERS_WITHIN = 10.0
LOCK_WITHIN = "2s"
ATTEMPTS = 10
PAUSE_SECONDS = 0.5
EXPORT = (
    "select pg_export_snapshot() as snapshot, clock_timestamp() as at, current_setting('server_version') as version"
)


@dataclass(frozen=True, slots=True)
class ExportedSnapshot:
    """A database at one instant, for as long as the connection that exported it stays open."""

    name: str
    """As pg_dump takes it."""
    at: datetime
    server_version: str


class HeldSqlite:
    """An SQLite file at one instant, while its server goes on writing."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise CliError(f"There is no Temporal store at {path}.")
        self._source = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=ANSWERS_WITHIN)
        self._source.execute("begin")
        self._source.execute("select count(*) from sqlite_master").fetchone()

    def copy(self, to: Path) -> None:
        """Writes that instant into a new file."""
        copied = sqlite3.connect(to)
        try:
            self._source.backup(copied)
        finally:
            copied.close()

    def close(self) -> None:
        """Lets the server tidy its log again."""
        self._source.close()


@dataclass(frozen=True, slots=True)
class HeldInstant:
    """The instant: snapshots by database, and the SQLite store."""

    snapshots: Mapping[str, ExportedSnapshot]
    temporal: Mapping[str, ExportedSnapshot]
    temporal_file: HeldSqlite | None

    @property
    def at(self) -> datetime:
        """The earliest of the snapshots' instants; they are milliseconds apart and agree about every event."""
        return min(snapshot.at for snapshot in self.snapshots.values())


@asynccontextmanager
async def one_cut(
    databases: Mapping[str, str], temporal: Mapping[str, str], temporal_file: Path | None
) -> AsyncIterator[HeldInstant]:
    """Holds one instant of everything for as long as the block lasts. Raises CliError if it cannot be had."""
    async with AsyncExitStack() as held:
        exporters = {name: await held.enter_async_context(_connected(url)) for name, url in databases.items()}
        of_temporal = {name: await held.enter_async_context(_connected(url)) for name, url in temporal.items()}
        async with _locked_outboxes(databases):
            snapshots = {name: await _export(connection) for name, connection in exporters.items()}
            exported = {name: await _export(connection) for name, connection in of_temporal.items()}
            sqlite = await asyncio.to_thread(HeldSqlite, temporal_file) if temporal_file is not None else None
        if sqlite is not None:
            held.callback(sqlite.close)
        yield HeldInstant(snapshots, exported, sqlite)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    try:
        connection = await asyncpg.connect(url, timeout=ANSWERS_WITHIN)
    except (OSError, TimeoutError, asyncpg.PostgresError) as problem:
        raise CliError(f"A database does not answer: {problem!r}") from None
    try:
        yield connection
    finally:
        await connection.close(timeout=ANSWERS_WITHIN)


async def _export(connection: "asyncpg.Connection[Any]") -> ExportedSnapshot:
    await connection.execute("begin transaction isolation level repeatable read, read only")
    await connection.execute("set local idle_in_transaction_session_timeout = 0")
    row = await connection.fetchrow(EXPORT)
    assert row is not None
    return ExportedSnapshot(row["snapshot"], row["at"], row["version"])


@asynccontextmanager
async def _locked_outboxes(databases: Mapping[str, str]) -> AsyncIterator[None]:
    """Nobody announces anything meanwhile. Gives way and tries again where a long transaction is in the way."""
    for attempt in range(ATTEMPTS):
        async with AsyncExitStack() as held:
            try:
                for url in databases.values():
                    connection = await held.enter_async_context(_connected(url))
                    await connection.execute("begin")
                    await connection.execute(f"set local lock_timeout = '{LOCK_WITHIN}'")
                    await connection.execute("lock table outbox in share mode")
            except asyncpg.LockNotAvailableError:
                pass
            else:
                yield
                return
        await asyncio.sleep(PAUSE_SECONDS * (attempt + 1))
    raise CliError("A long transaction holds an outbox; look at pg_stat_activity, and try again when it has ended.")
