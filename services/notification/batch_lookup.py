"""Looks up what a batch needs to know of its tickets before anything is written."""

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Uuid, cast, literal, null, select, union_all

from services.notification.models import IS_WAITING, Delivery, Participant, Ticket
from shared.contracts.vocabulary import ParticipantState
from shared.kit.db import Session

ERASED, JOINED, WAITING = "erased", "joined", "waiting"


@dataclass
class BatchLookup:
    """Erased tickets, participants and waiting rows of the tickets of a batch."""

    erased: set[UUID] = field(default_factory=set)
    joined: dict[UUID, list[str]] = field(default_factory=dict)
    """The addresses of those who take part at this moment, by ticket."""
    is_anybody_waiting: bool = False
    """Whether a decision, of any ticket, waits for something that is not known yet."""


async def look_up(session: Session, ticket_ids: Collection[UUID]) -> BatchLookup:
    """Reads the lookup in one statement."""
    erased = select(Ticket.id.label("id"), literal(ERASED).label("what"), null().label("email")).where(
        Ticket.id.in_(ticket_ids), Ticket.erased_at.is_not(None)
    )
    joined = select(Participant.ticket_id, literal(JOINED), Participant.email).where(
        Participant.ticket_id.in_(ticket_ids), Participant.state == ParticipantState.JOINED.value
    )
    waiting = select(cast(null(), Uuid), literal(WAITING), null()).where(select(Delivery.id).where(IS_WAITING).exists())
    found = BatchLookup()
    for ticket_id, what, email in await session.execute(union_all(erased, joined, waiting)):
        if what == ERASED:
            found.erased.add(ticket_id)
        elif what == JOINED:
            found.joined.setdefault(ticket_id, []).append(email)
        else:
            found.is_anybody_waiting = True
    return found
