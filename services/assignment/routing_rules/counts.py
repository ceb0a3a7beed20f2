"""Match counts of routing rules, buffered in memory and flushed every few seconds.

Counts not yet written are lost if the process is killed; the evidence of each decision is exact.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.models import RoutingRule, RoutingRuleCount
from shared.contracts.events import AssignmentDecided
from shared.kit.db import Database, Session

EVERY_SECONDS = 3.0


class MatchCounts:
    """Matches counted since the last write."""

    def __init__(self) -> None:
        self._matched: Counter[UUID] = Counter()
        self._would_have: Counter[UUID] = Counter()
        self._last: dict[UUID, datetime] = {}

    def add(self, decided: Iterable[AssignmentDecided]) -> None:
        """Counts the rules of committed decisions."""
        for event in decided:
            self._matched.update(one.rule_id for one in event.matched_rules if one.rule_id is not None)
            self._would_have.update(one.rule_id for one in event.monitored_rules)
            named = {one.rule_id for one in event.matched_rules} | {one.rule_id for one in event.monitored_rules}
            self._last |= {rule_id: event.decided_at for rule_id in named if rule_id is not None}

    async def write(self, database: Database) -> None:
        """Adds the counts to the database; keeps them for the next attempt if that fails."""
        if not self._last:
            return
        matched, would_have, last = dict(self._matched), dict(self._would_have), dict(self._last)
        rows = [
            {
                "rule_id": rule_id,
                "matched": matched.get(rule_id, 0),
                "would_have": would_have.get(rule_id, 0),
                "last_matched_at": at,
            }
            for rule_id, at in sorted(last.items())
        ]
        async with database.begin() as session:
            await _add(session, rows)
        self._matched.subtract(matched)
        self._would_have.subtract(would_have)
        self._last = {rule_id: at for rule_id, at in self._last.items() if last.get(rule_id) != at}


async def keep_counts(counts: MatchCounts, database: Database) -> None:
    """Writes the counts periodically until cancelled, and once more when the service stops."""
    try:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await counts.write(database)
    finally:
        await counts.write(database)


async def _add(session: Session, rows: list[dict[str, object]]) -> None:
    """Adds counts to rules that still exist, in a fixed order to avoid deadlocks."""
    known = set(
        await session.scalars(select(RoutingRule.id).where(RoutingRule.id.in_([row["rule_id"] for row in rows])))
    )
    rows = [row for row in rows if row["rule_id"] in known]
    if not rows:
        return
    new = insert(RoutingRuleCount).values(rows)
    await session.execute(
        new.on_conflict_do_update(
            index_elements=["rule_id"],
            set_={
                "matched": RoutingRuleCount.matched + new.excluded.matched,
                "would_have": RoutingRuleCount.would_have + new.excluded.would_have,
                "last_matched_at": new.excluded.last_matched_at,
            },
        )
    )
