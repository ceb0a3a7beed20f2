"""Deletes expired rows every hour: idempotency responses, inbox ids and the like."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from shared.kit import inbox
from shared.kit.db import Database, Session
from shared.kit.http import idempotency
from shared.kit.settings import ServiceSettings

EVERY_SECONDS = 3600.0

CleanupTask = Callable[[Session], Awaitable[None]]


async def run_cleanup(database: Database, settings: ServiceSettings, *chores: CleanupTask) -> None:
    """For ever: stored answers past their time, inbox rows older than the stream's memory, and the service's own."""
    kept = timedelta(days=settings.stream_max_age_days + 1)
    while True:
        async with database.begin() as session:
            await idempotency.forget_older_than(session, timedelta(hours=settings.answer_hours))
            await inbox.forget_older_than(session, kept)
            for chore in chores:
                await chore(session)
        await asyncio.sleep(EVERY_SECONDS)
