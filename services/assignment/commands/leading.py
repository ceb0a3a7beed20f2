"""Background work that one process does at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from services.assignment.app_state import AppState
from shared.kit.db import dsn_of


@asynccontextmanager
async def leading(context: AppState, lock: int) -> AsyncIterator[bool]:
    """Whether this process leads; its own connection holds the lock, so that a dead leader holds none."""
    connection = await asyncpg.connect(dsn_of(context.settings), timeout=5, command_timeout=30)
    try:
        yield await connection.fetchval("select pg_try_advisory_lock($1)", lock)
    finally:
        with suppress(Exception):
            async with asyncio.timeout(2):
                await connection.close()
