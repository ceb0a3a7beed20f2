"""Erasure of personal data; tombstones stop late or replayed events from bringing it back."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, and_, cast, delete, func, not_, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from services.notification.decisions.event_rules import PARTICIPANT, REQUESTER, SIDE
from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.status import DeliveryStatus
from services.notification.models import Delivery, Participant, Ticket
from services.notification.models.csat import csat_asks
from shared.contracts.base import TicketId
from shared.contracts.events import Event, NotificationFailed, RequesterErased, TicketErased
from shared.contracts.events.side_conversations import side_event_id
from shared.kit import outbox
from shared.kit.db import Session, lock_in_order
from shared.kit.requester_ids import RequesterIds

ERASURES = frozenset((RequesterErased.type(), TicketErased.type()))
DROPPED = {
    "status": DeliveryStatus.DROPPED,
    "next_attempt_at": None,
    "last_error": "the requester was erased",
}
IS_UNDER_WAY = and_(
    Delivery.status.not_in([DeliveryStatus.SENT, DeliveryStatus.EXPANDED]),
    not_(and_(Delivery.status == DeliveryStatus.SENDING, Delivery.channel == DeliveryChannel.ON_CALL)),
)
"""What can still be kept back. An alert that is just sent is left: it names nobody, and its end has to follow it."""
IS_OUTSIDE = or_(
    Delivery.recipient == REQUESTER.key, Delivery.recipient.startswith(PARTICIPANT), Delivery.recipient.startswith(SIDE)
)
NOBODY = func.concat(PARTICIPANT, func.replace(cast(Delivery.id, String), "-", ""))
"""In place of the digest of an address, which whoever guesses the address could recognise."""


def tickets_of(event: Event) -> tuple[TicketId, ...]:
    """Returns the tickets that an event erases; most events erase none."""
    match event:
        case RequesterErased():
            return event.ticket_ids
        case TicketErased():
            return (event.ticket_id,)
    return ()


async def erased_among(session: Session, ticket_ids: Collection[UUID]) -> set[UUID]:
    """Returns those of the given tickets that were erased."""
    return set(await session.scalars(select(Ticket.id).where(Ticket.id.in_(ticket_ids), Ticket.erased_at.is_not(None))))


async def add_tombstones(session: Session, ticket_ids: Sequence[UUID], at: datetime) -> None:
    """Redacts the rows of tickets and inserts tombstones, so that a replayed submission restores nothing."""
    gone: dict[str, Any] = {"subject": None, "requester_email": None, "requester_name": None}
    gone |= {"requester_language": None, "erased_at": at}
    gone |= {"root_mail_id": None, "last_mail_id": None, "last_mail_at": None}
    gone |= {"reply_email": None, "reply_email_at": None}
    for ticket_id in sorted(ticket_ids):
        statement = insert(Ticket).values(id=ticket_id, **gone)
        await session.execute(statement.on_conflict_do_update(index_elements=[Ticket.id], set_=gone))
    await session.execute(delete(Participant).where(Participant.ticket_id.in_(ticket_ids)))
    await session.execute(delete(csat_asks).where(csat_asks.c.ticket_id.in_(ticket_ids)))
    theirs = Delivery.ticket_id.in_(ticket_ids)
    await lock_in_order(session, Delivery.id, theirs)
    await session.execute(update(Delivery).where(theirs).values(facts={}, last_error=None))
    await _unname(session, theirs, IS_OUTSIDE)
    await session.execute(update(Delivery).where(theirs, IS_UNDER_WAY).values(DROPPED))
    await outbox.forget(session, [f"{NotificationFailed.type()}.{ticket_id}" for ticket_id in ticket_ids])


async def forget_part(session: Session, ids: RequesterIds, event: RequesterErased) -> None:
    """Removes a person from the tickets of others; they are found by the id derived from the address."""
    copied = await session.execute(
        select(Participant.ticket_id, Participant.key, Participant.email).where(
            Participant.ticket_id.in_(event.took_part_in)
        )
    )
    keys = {row.key for row in copied if ids.of(row.email) == event.requester_id}
    about = Delivery.ticket_id.in_(event.took_part_in)
    await session.execute(
        delete(Participant).where(Participant.ticket_id.in_(event.took_part_in), Participant.key.in_(keys))
    )
    theirs = Delivery.recipient.in_(keys)
    await lock_in_order(session, Delivery.id, about, theirs)
    await session.execute(update(Delivery).where(about, theirs).values(facts={}, last_error=None))
    await session.execute(update(Delivery).where(about, theirs, IS_UNDER_WAY).values(DROPPED))
    await _unname(session, about, theirs)


async def forget_side_messages(session: Session, message_ids: Collection[UUID]) -> None:
    """Removes what was written to and by a third party beside others' tickets: each mail has its event as its cause."""
    theirs = Delivery.cause.in_([side_event_id(message_id) for message_id in message_ids])
    await lock_in_order(session, Delivery.id, theirs)
    emptied = update(Delivery).where(theirs).values(facts={}, last_error=None).returning(Delivery.ticket_id)
    tickets = set(await session.scalars(emptied))
    await session.execute(update(Delivery).where(theirs, IS_UNDER_WAY).values(DROPPED))
    await _unname(session, theirs, IS_OUTSIDE)
    await outbox.forget_published(session, [f"{NotificationFailed.type()}.{ticket_id}" for ticket_id in tickets])


async def _unname(session: Session, *whose: ColumnElement[bool]) -> None:
    await session.execute(update(Delivery).where(*whose).values(address=None, name=None))
    copies = Delivery.recipient.startswith(PARTICIPANT)
    await session.execute(update(Delivery).where(*whose, copies).values(recipient=NOBODY))
