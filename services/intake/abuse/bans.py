"""The ban list, cached in memory and reloaded every few seconds."""

import time
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from services.intake.abuse.patterns import BanTable
from services.intake.models import Ban
from shared.kit.clock import utc_now
from shared.kit.db import Database, Session

REMEMBER_SECONDS = 5.0
"""A ban made or lifted elsewhere takes effect within this time."""


class BanList:
    """Who is not let in."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = BanTable()
        self._fresh_until = 0.0

    async def forbids(self, email: str, address: str | None = None) -> bool:
        """Whether the requester, or the address they write from, is banned."""
        if time.monotonic() >= self._fresh_until:
            await self._read()
        return self._table.forbids(utc_now(), email, address)

    def forget(self) -> None:
        """Drops the cache, so that a change made by this process applies at once."""
        self._fresh_until = 0.0

    async def _read(self) -> None:
        async with self._database.begin() as session:
            rows = (await session.execute(select(Ban.pattern, Ban.expires_at))).all()
        self._table = BanTable.of((row.pattern, row.expires_at) for row in rows)
        self._fresh_until = time.monotonic() + REMEMBER_SECONDS


async def put_ban(session: Session, pattern: str, reason: str, expires_at: datetime | None) -> Ban:
    """Bans, or changes the ban that is there."""
    told = {"reason": reason, "expires_at": expires_at}
    statement = insert(Ban).values(pattern=pattern, **told)
    statement = statement.on_conflict_do_update(index_elements=[Ban.pattern], set_=told)
    return (await session.scalars(statement.returning(Ban), execution_options={"populate_existing": True})).one()


async def lift_ban(session: Session, pattern: str) -> bool:
    """Lets them in again; False if there was no such ban."""
    lifted = await session.scalar(delete(Ban).where(Ban.pattern == pattern).returning(Ban.pattern))
    return lifted is not None


async def page_of_bans(session: Session, limit: int, after: str | None) -> Sequence[Ban]:
    """At most `limit` bans in the order of their patterns, from one on."""
    query = select(Ban).order_by(Ban.pattern).limit(limit)
    return (await session.scalars(query.where(Ban.pattern > after) if after else query)).all()
