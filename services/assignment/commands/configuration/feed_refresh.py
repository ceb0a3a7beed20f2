"""Reading remembered feeds again, once a day: whichever process claims a feed first reads it."""

import asyncio
from datetime import datetime

from sqlalchemy import func, select

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changing
from services.assignment.commands.configuration.holiday_feeds import (
    RETRY_AFTER,
    ImportRequest,
    apply_import,
    note_failure,
    read_wish,
    refreshing,
)
from services.assignment.models import CalendarFeed
from shared.kit.clock import utc_now
from shared.kit.http.problems import Problem
from shared.kit.telemetry import log

EVERY_SECONDS = 300.0
LEADER_LOCK = 7_241_004


async def keep_feeds_fresh(context: AppState) -> None:
    """For ever: reads what is due."""
    while True:
        await refresh_due(context, utc_now())
        await asyncio.sleep(EVERY_SECONDS)


async def refresh_due(context: AppState, now: datetime) -> None:
    """Reads every feed that is due; one that fails is tried again in an hour and holds up no other."""
    while (wish := await _claim(context, now)) is not None:
        try:
            reading = await read_wish(context, wish)
            async with changing(context, None) as session:
                result = await apply_import(session, wish, reading)
        except Problem as problem:
            log.warning("feed.failed", calendar=wish.slug, code=problem.code, detail=problem.detail)
            await note_failure(context, wish, problem)
        else:
            log.info("feed.read", calendar=wish.slug, version=result.version, changed=result.changed)


async def _claim(context: AppState, now: datetime) -> ImportRequest | None:
    """The next feed due, put off before it is read: a process that dies over it does not try it again at once."""
    async with context.database.begin() as session:
        if not await session.scalar(select(func.pg_try_advisory_xact_lock(LEADER_LOCK))):
            return None
        query = select(CalendarFeed).where(CalendarFeed.due_at <= now).order_by(CalendarFeed.due_at).limit(1)
        feed = await session.scalar(query)
        if feed is None:
            return None
        feed.due_at = now + RETRY_AFTER
        return await refreshing(session, feed.slug, by=None)
