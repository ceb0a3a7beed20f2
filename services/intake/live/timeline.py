"""The timeline: a row for each thing a requester may learn, within a ticket in the order in which it became visible."""

from collections.abc import Iterable
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import select, text

from services.intake.models import Message, Ticket, TimelineEntry
from shared.contracts.vocabulary import ActorKind
from shared.kit.db import Database, Session, after_commit

CHANNEL = "timeline"
MESSAGE = "message"
FOLLOWED_UP = "followed_up"
PER_NOTICE = 200
"""Tickets named in one NOTIFY, which carries less than 8,000 bytes."""
NOTIFY: Final = text("select pg_notify(:channel, :payload)")


async def notify_readers(database: Database, ticket_ids: Iterable[UUID]) -> None:
    """Wakes whoever waits for news of the tickets, in every process. After the commit: there is nothing to see before.

    Should it fail, nothing is lost: streams look again by themselves.
    """
    names = [ticket_id.hex for ticket_id in ticket_ids]
    for start in range(0, len(names), PER_NOTICE):
        payload = ",".join(names[start : start + PER_NOTICE])
        await database.fetch(NOTIFY, {"channel": CHANNEL, "payload": payload})


async def hold(session: Session, ticket_ids: set[UUID]) -> None:
    """Locks the rows of the tickets we know, in the order of their ids, so that two of us cannot deadlock."""
    query = select(Ticket.id).where(Ticket.id.in_(ticket_ids)).order_by(Ticket.id)
    await session.execute(query.with_for_update(key_share=True))


def say(session: Session, ticket: Ticket, message: Message) -> None:
    """Tells of a message on a ticket whose row the caller holds; who waits for news is woken after the commit."""
    session.add(entry_of(ticket, message))
    after_commit(session, partial(notify_readers, ticket_ids=[ticket.id]))


def entry_of(ticket: Ticket, message: Message) -> TimelineEntry:
    """The line about a message, with the ticket's standing."""
    return TimelineEntry(
        ticket_id=ticket.id,
        kind=MESSAGE,
        at=message.received_at,
        actor=message.author_kind,
        message_id=message.id,
        status=ticket.status,
        revision=ticket.revision,
        source=str(message.id),
    )


def follow_up_entry(old: Ticket, message: Message, follow_up_id: UUID) -> TimelineEntry:
    """What the archived ticket's thread tells once a message on it has become a new ticket."""
    return TimelineEntry(
        ticket_id=old.id,
        kind=FOLLOWED_UP,
        at=message.received_at,
        actor=ActorKind.SYSTEM,
        message_id=message.id,
        follow_up_id=follow_up_id,
        status=old.status,
        revision=old.revision,
    )
