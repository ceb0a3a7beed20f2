"""The timeline: a row for each thing a requester may learn, within a ticket in the order in which it became visible."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, text

from services.intake.models import Message, Ticket, TimelineEntry
from shared.contracts.events import (
    EVENTS,
    Envelope,
    LifecycleEvent,
    MessagePosted,
    MessageUnclaimed,
    TicketArchived,
    TicketAssigned,
    TicketClosed,
    TicketHeld,
    TicketOpened,
    TicketPended,
    TicketReopened,
    TicketResolved,
    TicketResumed,
)
from shared.contracts.tickets import TicketSnapshot
from shared.contracts.vocabulary import ActorKind, Status
from shared.kit.db import Database, Session

CHANNEL = "timeline"
MESSAGE = "message"
FOLLOWED_UP = "followed_up"
SHOWN_EVENTS: dict[str, type[LifecycleEvent]] = {
    event.type(): event
    for event in (
        TicketOpened,
        TicketAssigned,
        TicketPended,
        TicketHeld,
        TicketResumed,
        TicketResolved,
        TicketReopened,
        TicketClosed,
        TicketArchived,
    )
}
"""The steps of a ticket's life that concern its requester. Teams, priorities, clocks and notes are the desk's own."""
HANDLED_EVENTS = {*SHOWN_EVENTS, MessagePosted.type(), MessageUnclaimed.type()}
PER_NOTICE = 200
"""Tickets named in one NOTIFY, which carries less than 8,000 bytes."""


@dataclass(slots=True)
class _Standing:
    status: Status
    revision: int
    seq: int

    def see(self, snapshot: TicketSnapshot) -> None:
        if snapshot.seq > self.seq:
            self.status, self.revision, self.seq = snapshot.status, snapshot.revision, snapshot.seq


async def record(session: Session, events: Sequence[Envelope]) -> set[UUID]:
    """Writes what the events tell requesters, and returns the tickets it is about.

    Holds the tickets' rows from here to the end of the transaction: that is what keeps the ids of a ticket in order.
    """
    standings = await _hold(session, {UUID(event.subject) for event in events if event.type in HANDLED_EVENTS})
    first = await _first_messages(session, [event for event in events if event.type == TicketOpened.type()])
    rows: list[dict[str, Any]] = []
    for event in events:
        ticket_id = UUID(event.subject)
        if (standing := standings.get(ticket_id)) is None:
            continue
        if issubclass(EVENTS[event.type], LifecycleEvent):
            standing.see(LifecycleEvent.of(event).snapshot)
        if event.type in SHOWN_EVENTS:
            rows.extend(_step(SHOWN_EVENTS[event.type].of(event), first.get(ticket_id)))
        elif event.type == MessagePosted.type():
            posted = MessagePosted.of(event)
            rows.extend([] if posted.was_archived else [_message(posted, standing)])
    if rows:
        await session.execute(insert(TimelineEntry), rows)
    return set(standings)


async def announce(database: Database, ticket_ids: Iterable[UUID]) -> None:
    """Wakes whoever waits for news of the tickets, in every process. After the commit: there is nothing to see before.

    Should it fail, nothing is lost: streams look again by themselves.
    """
    names = [ticket_id.hex for ticket_id in ticket_ids]
    async with database.single() as connection:
        for start in range(0, len(names), PER_NOTICE):
            payload = ",".join(names[start : start + PER_NOTICE])
            await connection.execute(
                text("select pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": payload}
            )


async def _hold(session: Session, ticket_ids: set[UUID]) -> dict[UUID, _Standing]:
    """Locks the rows of the tickets we know, in the order of their ids, so that two of us cannot deadlock."""
    query = (
        select(Ticket.id, Ticket.status, Ticket.revision, Ticket.seq)
        .where(Ticket.id.in_(ticket_ids))
        .order_by(Ticket.id)
        .with_for_update(key_share=True)
    )
    rows = await session.execute(query) if ticket_ids else ()
    return {row.id: _Standing(row.status, row.revision, row.seq) for row in rows}


async def _first_messages(session: Session, opened: Sequence[Envelope]) -> dict[UUID, UUID]:
    """What each new ticket began with: it comes with the ticket, not as a message of its own."""
    query = (
        select(Message.ticket_id, Message.id)
        .distinct(Message.ticket_id)
        .where(Message.ticket_id.in_([UUID(event.subject) for event in opened]))
        .order_by(Message.ticket_id, Message.received_at, Message.id)
    )
    return {row.ticket_id: row.id for row in await session.execute(query)} if opened else {}


def _step(event: LifecycleEvent, first_message: UUID | None) -> list[dict[str, Any]]:
    """The row of a step, and none if one agent only took over from another."""
    if isinstance(event, TicketAssigned) and event.previous_agent_id is not None:
        return []
    return [
        {
            "ticket_id": event.ticket_id,
            "kind": event.event_name.removeprefix("ticket."),
            "at": event.at,
            "actor": event.actor.kind,
            "message_id": first_message if isinstance(event, TicketOpened) else None,
            "status": event.snapshot.status,
            "revision": event.snapshot.revision,
        }
    ]


def said(ticket: Ticket, message: Message) -> TimelineEntry:
    """What the thread tells of a message that its ticket's workflow never hears of."""
    return TimelineEntry(
        ticket_id=ticket.id,
        kind=MESSAGE,
        at=message.received_at,
        actor=message.author_kind,
        message_id=message.id,
        status=ticket.status,
        revision=ticket.revision,
    )


def followed_up(old: Ticket, message: Message, follow_up_id: UUID) -> TimelineEntry:
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


def _message(posted: MessagePosted, standing: _Standing) -> dict[str, Any]:
    return {
        "ticket_id": posted.ticket_id,
        "kind": MESSAGE,
        "at": posted.received_at,
        "actor": posted.author.kind,
        "message_id": posted.message_id,
        "status": standing.status,
        "revision": standing.revision,
    }
