"""Throws away, once an hour, what nobody can ask for any more."""

import asyncio
from datetime import timedelta

from services.assignment.commands.sign_in import forget_expired
from services.assignment.context import Context
from shared.kit import inbox
from shared.kit.clock import utc_now
from shared.kit.http import answers

EVERY = timedelta(hours=1)


async def keep_house(context: Context) -> None:
    """For ever: handled event ids past the stream's age, stored answers, sessions and failed sign-ins."""
    kept = timedelta(days=context.settings.stream_max_age_days + 1)
    while True:
        async with context.database.begin() as session:
            await inbox.forget_older_than(session, kept)
            await answers.forget_old(session)
            await forget_expired(session, utc_now())
        await asyncio.sleep(EVERY.total_seconds())
