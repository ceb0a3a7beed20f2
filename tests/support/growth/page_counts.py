"""What the database itself counts of a path, whatever else the machine does: the pages it touched, and its own time."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from deploy.local.engines import Stack
from deploy.local.engines.postgres import SUPERUSER
from tests.support.growth.query_plans import GUARDED

SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.max": "20000",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
"""Of the bench's own server: statements are counted, and nothing is written in the background meanwhile."""
COUNTED = """
select coalesce(sum(shared_blks_hit + shared_blks_read + local_blks_hit + local_blks_read + temp_blks_read
    + temp_blks_written), 0)::bigint as pages,
  coalesce(sum(total_exec_time), 0)::float8 as ms
from pg_stat_statements(false) where dbid = (select oid from pg_database where datname = $1)
"""

ELSEWHERE = "postgres"
"""The database that the counter asks from: counting itself takes milliseconds, and nobody's statements are there."""

IDLE = """
select s.indexrelname from pg_stat_user_indexes s join pg_index i using (indexrelid)
where s.idx_scan = 0 and not i.indisunique and s.relname = any($1::text[]) order by 1
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run: pages touched, in the cache or not; the server's milliseconds."""

    pages: int
    ms: float
    rows: int | None = None
    """What it returned, where that may differ from one past to another."""
    first_ms: float = 0.0
    """The milliseconds of the first of several runs in a row."""


class Counter:
    """Counts what one database does while something runs."""

    def __init__(self, connection: "asyncpg.Connection[Any]") -> None:
        self._connection = connection
        self._known: dict[str, Cost] = {}

    async def cost(self, database: str, run: Callable[[], Awaitable[int | None]]) -> Cost:
        """Runs it, and tells what its statements cost, those of all connections to the database together."""
        before = self._known.get(database) or await self._total(database)
        rows = await run()
        after = self._known[database] = await self._total(database)
        return Cost(after.pages - before.pages, after.ms - before.ms, rows)

    async def _total(self, database: str) -> Cost:
        row = await self._connection.fetchrow(COUNTED, database)
        assert row is not None
        return Cost(row["pages"], row["ms"])

    def forget(self) -> None:
        """What happened until now, between two runs, is nobody's cost."""
        self._known.clear()


async def count_statements(engines: Stack) -> None:
    """Restarts the server with `SETTINGS`."""
    connection = await asyncpg.connect(engines.postgres.url(SUPERUSER, driver="postgresql"))
    for name, value in SETTINGS.items():
        await connection.execute(f"alter system set {name} = '{value}'")
    await connection.close()
    await engines.stop("postgres")
    await engines.start("postgres")


@asynccontextmanager
async def counter(dsn: str) -> AsyncIterator[Counter]:
    """One that watches from outside. `dsn` is a superuser's, of any database of the server."""
    connection = await asyncpg.connect(dsn, database=ELSEWHERE)
    try:
        await connection.execute("create extension if not exists pg_stat_statements")
        yield Counter(connection)
    finally:
        await connection.close()


async def idle_indexes(dsn: str) -> list[str]:
    """Indexes of tables that hold the past, made for reading, that nothing has read since they were built."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("select pg_stat_clear_snapshot()")
        return [row["indexrelname"] for row in await connection.fetch(IDLE, sorted(GUARDED))] or ["none"]
    finally:
        await connection.close()
