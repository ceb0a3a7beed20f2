"""Forgetting, once an hour, what was kept only to recognise repetitions."""

import asyncio
from datetime import timedelta

from services.intake.settings import IntakeSettings
from shared.kit import inbox
from shared.kit.db import Database
from shared.kit.http import answers

EVERY_SECONDS = 3600.0


async def keep_house(database: Database, settings: IntakeSettings) -> None:
    """Forgets for ever: stored answers past their time, inbox rows older than the stream's memory."""
    while True:
        async with database.begin() as session:
            await answers.forget_old(session)
            await inbox.forget_older_than(session, timedelta(days=settings.stream_max_age_days + 1))
        await asyncio.sleep(EVERY_SECONDS)
