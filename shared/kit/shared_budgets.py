"""Budgets of callers that all processes of a service count together, in a table that is not written to the log."""

import asyncio
from hashlib import blake2b
from time import monotonic

from sqlalchemy import Column, DateTime, Index, LargeBinary, MetaData, Table, delete, func, text
from sqlalchemy.exc import DBAPIError

from shared.kit.db import UNREACHABLE, Database, Session
from shared.kit.settings import ServiceSettings
from shared.kit.telemetry import log

ANSWER_SECONDS = 0.5
PAUSE_SECONDS = 5.0
"""After the database did not answer: each process counts by itself for so long."""
AWAY: tuple[type[BaseException], ...] = (*UNREACHABLE, DBAPIError)

rate_budgets = Table(
    "rate_budgets",
    MetaData(),
    Column("caller", LargeBinary, primary_key=True),
    Column("whole_at", DateTime(timezone=True), nullable=False),
    Index("ix_rate_budgets_whole_at", "whole_at"),
    prefixes=["UNLOGGED"],
)
"""`caller`: a keyed hash of the limit's name and the caller; `whole_at`: when nothing of the budget is missing."""

_SPEND = text("""
insert into rate_budgets as held (caller, whole_at)
values (:caller, now() + least(cast(:spent as float8), cast(:most as float8)) * interval '1 second')
on conflict (caller) do update set whole_at = least(
  greatest(held.whole_at, now()) + cast(:spent as float8) * interval '1 second',
  now() + cast(:most as float8) * interval '1 second')
returning extract(epoch from whole_at - now())::float
""")


def add_budget_table(metadata: MetaData) -> None:
    """Makes the table part of a service's own schema, and so of its migrations."""
    rate_budgets.to_metadata(metadata)


async def forget_whole_budgets(session: Session) -> None:
    """Deletes rows of callers whose budgets are whole again."""
    await session.execute(delete(rate_budgets).where(rate_budgets.c.whole_at < func.now()))


class SharedBudgets:
    """What the limits of one service have in common with those of its other processes."""

    def __init__(self, database: Database, settings: ServiceSettings) -> None:
        self._database = database
        self._key = settings.link_secret.get_secret_value().encode()[:64]
        self._is_shared = settings.shared_limits
        self._paused_until = 0.0

    async def spend(self, name: str, caller: str, spent: float, most: float) -> float | None:
        """Adds `spent` seconds to what is missing of a caller's budget, up to `most`; returns what is missing now.

        None if the database does not answer at once: a limit must not become an outage.
        """
        if not self._is_shared or monotonic() < self._paused_until:
            return None
        digest = blake2b(f"{name}\0{caller}".encode(), digest_size=16, key=self._key).digest()
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._database.single() as connection:
                missing = await connection.scalar(_SPEND, {"caller": digest, "spent": spent, "most": most})
        except AWAY as error:
            self._paused_until = monotonic() + PAUSE_SECONDS
            log.warning("rate_limit.counted_alone", limit=name, error=repr(error))
            return None
        return float(missing)
