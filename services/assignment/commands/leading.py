"""Background work that one process of the service does at a time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import asyncpg

from services.assignment.app_state import AppState
from shared.kit.attention import Attention
from shared.kit.db import LEADER_SETTINGS, dsn_of


@asynccontextmanager
async def leading(context: AppState, lock: int) -> AsyncIterator[bool]:
    """Whether this process leads; its own connection holds the lock, so that a dead leader holds none."""
    connection = await asyncpg.connect(
        dsn_of(context.settings), timeout=5, command_timeout=30, server_settings=LEADER_SETTINGS
    )
    try:
        yield await connection.fetchval("select pg_try_advisory_lock($1)", lock)
    finally:
        with suppress(Exception):
            async with asyncio.timeout(2):
                await connection.close()


async def work_while_leading(
    context: AppState,
    lock: int,
    attention: Attention,
    find: Callable[[AppState], Awaitable[object]],
    work: Callable[[AppState], Awaitable[None]],
) -> None:
    """For ever: when `find` returns something, `work` does all there is if this process leads; then it waits.

    `lock` is the job's advisory lock; `attention` tells when to look again.
    """
    while True:
        if found := await find(context):
            async with leading(context, lock) as is_leader:
                if is_leader:
                    await work(context)
        await attention.wait(has_found=bool(found))
