"""Each event takes effect once per consumer: its id is recorded in the transaction of its effect."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import ARRAY, String, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from shared.contracts.events import Envelope
from shared.kit.db import Session
from shared.kit.tables import inbox


def _claim() -> ReturningInsert[str]:
    """Records ids in the order given, and returns those that were not there."""
    given = func.unnest(bindparam("event_ids", type_=ARRAY(String()))).column_valued("event_id")
    rows = select(bindparam("consumer", type_=inbox.c.consumer.type), given)
    return (
        insert(inbox).from_select(["consumer", "event_id"], rows).on_conflict_do_nothing().returning(inbox.c.event_id)
    )


CLAIM: Final = _claim()
"""Built once, for any number of events: a statement for each number would be compiled and planned anew."""


async def claim(session: Session, consumer: str, events: Sequence[Envelope]) -> list[Envelope]:
    """The events this consumer has not handled yet, now recorded as handled if the transaction commits."""
    given = {"consumer": consumer, "event_ids": sorted({event.id for event in events})}
    fresh = set(await (await session.connection()).scalars(CLAIM, given))
    unseen: list[Envelope] = []
    for event in events:
        if event.id in fresh:
            fresh.discard(event.id)
            unseen.append(event)
    return unseen


async def forget_older_than(session: Session, age: timedelta) -> None:
    """Deletes records older than the stream keeps events: they can never be delivered again."""
    await session.execute(delete(inbox).where(inbox.c.handled_at < func.now() - age))
