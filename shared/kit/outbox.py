"""Events leave a service only after its transaction: written as rows, then published by whichever relay leads."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic_core import to_json
from sqlalchemy import delete, insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.contracts.events import EVENTS, Envelope, Event
from shared.kit.bus.message_size import EVENT_SIZE
from shared.kit.db import EVENTS_FOR_OUTSIDERS, Database
from shared.kit.http.problems import Problem, invalid
from shared.kit.outbox_order import MAY_LEAVE, REFUSED_FIRST
from shared.kit.outbox_row import ANNOUNCED, OutboxRow
from shared.kit.tables import outbox, outbox_published
from shared.kit.tracing import traceparent_for

OLDEST = f"""
with {REFUSED_FIRST} select now() - created_at from outbox where {MAY_LEAVE} order by refusals, id limit 1
"""  # noqa: S608 - SQL made of constants
STUCK_AFTER = timedelta(seconds=30)


def row_of(envelope: Envelope) -> dict[str, Any]:
    """The outbox row of an event. Raises Problem 422 if the bus could never carry it."""
    content = traced(envelope).model_dump_json().encode()
    if len(content) > EVENT_SIZE.most:
        raise too_large_to_carry(envelope, len(content))
    return {"event_id": envelope.id, "subject": envelope.nats_subject, "envelope": content}


def traced(envelope: Envelope) -> Envelope:
    """The event with the trace it is made in, where one is recorded."""
    parent = traceparent_for(envelope.subject)
    return envelope if parent is None else envelope.model_copy(update={"traceparent": parent})


def too_large_to_carry(envelope: Envelope, size: int) -> Problem:
    """Escaped for the bus, what was written outgrows what one event can carry; names its largest field."""
    field = max(envelope.data, key=lambda name: len(to_json(envelope.data[name])))
    size_kib, most = -(-size // 1024), EVENT_SIZE.most // 1024
    return invalid(
        f"/{field}",
        f"is too large to be carried: with all that belongs to it {size_kib} KiB, and at most {most} KiB can be; "
        "shorten it",
    )


async def add(session: AsyncSession, event: Event, event_id: str, at: datetime, *, is_applied: bool = False) -> None:
    """Announces `event` if, and only if, the transaction commits. Raises Problem 422 if it is too large.

    `is_applied` says that the transaction also holds what the service's own consumer would do on hearing of it.
    """
    await add_all(session, [event.envelope(event_id, at)], is_applied=is_applied)


async def add_all(session: AsyncSession, envelopes: Sequence[Envelope], *, is_applied: bool = False) -> None:
    """Announces several events in one statement; once the transaction has committed, the relay gets them at once."""
    rows = [row_of(each) for each in envelopes if is_announced(session, EVENTS[each.type])]
    if not rows:
        return
    written = await session.scalars(insert(outbox).returning(outbox.c.id, sort_by_parameter_order=True), rows)
    ids = zip(written, rows, strict=True)
    note_rows(session, [OutboxRow(row_id, **row, is_applied=is_applied) for row_id, row in ids])


def is_announced(session: AsyncSession, event: type[Event]) -> bool:
    """Whether such events leave the service: those for outsiders do where they are asked for."""
    return bool(session.info.get(EVENTS_FOR_OUTSIDERS, True)) or not event.is_for_outsiders


def note_rows(session: AsyncSession, rows: Sequence[OutboxRow] = ()) -> None:
    """Remembers until the commit that the transaction has written to the outbox, and what, if that is known.

    What a savepoint has written may still be undone, so it is read from the table.
    """
    noted = session.info.setdefault(ANNOUNCED, [])
    if not session.in_nested_transaction():
        noted.extend(rows)


async def forget(session: AsyncSession, subjects: Collection[str]) -> None:
    """Withdraws what was announced on these subjects and has not left yet; what has is not published again."""
    await session.execute(delete(outbox).where(outbox.c.subject.in_(subjects)))
    await forget_published(session, subjects)


async def forget_events(session: AsyncSession, event_ids: Collection[str]) -> None:
    """Does the same for single events."""
    await session.execute(delete(outbox).where(outbox.c.event_id.in_(event_ids)))
    await session.execute(delete(outbox_published).where(outbox_published.c.event_id.in_(event_ids)))


async def forget_published(session: AsyncSession, subjects: Collection[str]) -> None:
    """Keeps what has left on these subjects from being published again, and from being found here."""
    await session.execute(delete(outbox_published).where(outbox_published.c.subject.in_(subjects)))


async def check_age(database: Database) -> None:
    """Raises OutboxStuck if an event waits for longer than the bus should ever need."""
    async with database.single() as connection:
        age = await connection.scalar(text(OLDEST))
    if age is not None and age > STUCK_AFTER:
        raise OutboxStuck(f"the oldest event waits for {age}")


class OutboxStuck(Exception):
    """Events are accepted and do not leave."""
