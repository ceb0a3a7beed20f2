"""Background jobs that one process of a service runs for all of them, and another takes over within seconds."""

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg

from shared.kit.backoff import DEPENDENCY, Pauses
from shared.kit.db import LEADER_SETTINGS, UNREACHABLE
from shared.kit.processes import Job, background
from shared.kit.telemetry import log

TRY_SECONDS = 2.5
"""How often a process that does not lead tries to."""
CHECK_SECONDS = 4.0
"""How often the leader makes sure that its connection, and with it its lock, is still there."""
ANSWER_SECONDS = 2.0
LOST: tuple[type[BaseException], ...] = (OSError, TimeoutError, asyncpg.PostgresError, *UNREACHABLE)
_TRY = "select pg_try_advisory_lock(hashtextextended($1, 0))"


def run_by_one(dsn: str, name: str, jobs: dict[str, Job]) -> Job:
    """Returns a job that runs `jobs` while this process holds the lock `name`, and waits for it while another does.

    A session lock on a connection of its own: it falls free when its process ends, stops or is killed, and within
    seconds when its machine is cut off. A leader that cannot reach the database ends its jobs before another may
    begin, so that none is run twice at a time.
    """

    async def lead_or_wait() -> None:
        pauses = Pauses(DEPENDENCY)
        while True:
            try:
                connection = await asyncpg.connect(
                    dsn, timeout=5, command_timeout=ANSWER_SECONDS, server_settings=LEADER_SETTINGS
                )
                try:
                    pauses.reset()
                    await _lead(connection, name, jobs)
                finally:
                    await _release(connection)
            except LOST as error:
                log.warning("leadership.database_away", lock=name, error=repr(error))
                await pauses.wait()

    return lead_or_wait


async def _lead(connection: "asyncpg.Connection[Any]", name: str, jobs: dict[str, Job]) -> None:
    """Runs the jobs once the lock is ours. Raises what the connection raises when it is lost."""
    while not await connection.fetchval(_TRY, f"leader:{name}"):  # noqa: ASYNC110 - the lock is another process's
        await asyncio.sleep(TRY_SECONDS)
    log.info("leadership.leading", lock=name)
    async with background(jobs):
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await connection.fetchval("select 1")


async def _release(connection: "asyncpg.Connection[Any]") -> None:
    """Closes the connection: the server lets the lock go at once."""
    with suppress(Exception):
        await connection.close(timeout=ANSWER_SECONDS)
    if not connection.is_closed():
        connection.terminate()
