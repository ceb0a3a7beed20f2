"""Each event takes effect once per consumer: its id is recorded in the transaction of its effect."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert

from shared.contracts.events import Envelope
from shared.kit.db import Session
from shared.kit.tables import inbox


async def claim(session: Session, consumer: str, events: Sequence[Envelope]) -> list[Envelope]:
    """The events this consumer has not handled yet, now recorded as handled if the transaction commits."""
    rows = [{"consumer": consumer, "event_id": event_id} for event_id in sorted({event.id for event in events})]
    claimed = await session.execute(
        insert(inbox).values(rows).on_conflict_do_nothing().returning(inbox.c.event_id),
    )
    fresh = set(claimed.scalars())
    unseen: list[Envelope] = []
    for event in events:
        if event.id in fresh:
            fresh.discard(event.id)
            unseen.append(event)
    return unseen


async def forget_older_than(session: Session, age: timedelta) -> None:
    """Deletes records older than the stream keeps events: they can never be delivered again."""
    await session.execute(delete(inbox).where(inbox.c.handled_at < func.now() - age))
