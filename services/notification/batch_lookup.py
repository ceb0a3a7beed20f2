"""Looks up what a batch needs to know of its tickets before anything is written."""

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import String, Uuid, cast, literal, null, select, union_all

from services.notification.models import IS_WAITING, Delivery, Participant, Ticket, TicketFollower
from shared.contracts.base import AgentId
from shared.contracts.vocabulary import ParticipantState
from shared.kit.db import Session

ERASED, JOINED, FOLLOWING, WAITING = "erased", "joined", "following", "waiting"


@dataclass
class BatchLookup:
    """Erased tickets, participants, followers and waiting rows of the tickets of a batch."""

    erased: set[UUID] = field(default_factory=set)
    joined: dict[UUID, list[str]] = field(default_factory=dict)
    """The addresses of those who take part at this moment, by ticket."""
    followers: dict[UUID, list[AgentId]] = field(default_factory=dict)
    """The agents who follow at this moment, by ticket."""
    is_anybody_waiting: bool = False
    """Whether a decision, of any ticket, waits for something that is not known yet."""


async def look_up(session: Session, ticket_ids: Collection[UUID]) -> BatchLookup:
    """Reads the lookup in one statement."""
    erased = select(Ticket.id.label("id"), literal(ERASED).label("what"), null().label("who")).where(
        Ticket.id.in_(ticket_ids), Ticket.erased_at.is_not(None)
    )
    joined = select(Participant.ticket_id, literal(JOINED), Participant.email).where(
        Participant.ticket_id.in_(ticket_ids), Participant.state == ParticipantState.JOINED.value
    )
    following = select(TicketFollower.ticket_id, literal(FOLLOWING), cast(TicketFollower.agent_id, String)).where(
        TicketFollower.ticket_id.in_(ticket_ids), TicketFollower.is_following
    )
    waiting = select(cast(null(), Uuid), literal(WAITING), null()).where(select(Delivery.id).where(IS_WAITING).exists())
    found = BatchLookup()
    for ticket_id, what, who in await session.execute(union_all(erased, joined, following, waiting)):
        if what == ERASED:
            found.erased.add(ticket_id)
        elif what == JOINED:
            found.joined.setdefault(ticket_id, []).append(who)
        elif what == FOLLOWING:
            found.followers.setdefault(ticket_id, []).append(AgentId(UUID(who)))
        else:
            found.is_anybody_waiting = True
    return found
