"""Looks up what a batch needs to know of its tickets before anything is written."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, CompoundSelect, String, Uuid, any_, bindparam, cast, literal, null, select, union_all

from services.notification.models import IS_WAITING, Delivery, Participant, Ticket, TicketFollower
from services.notification.rules.additional_recipients import TicketContacts
from shared.contracts.base import AgentId
from shared.contracts.events import Event, MessagePosted
from shared.contracts.vocabulary import ActorKind, ParticipantState
from shared.kit.db import Session

ERASED, JOINED, FOLLOWING, WAITING = "erased", "joined", "following", "waiting"
TEAM, RESPONDER = "team", "responder"


@dataclass
class BatchLookup:
    """Erased tickets, participants, followers and waiting rows of the tickets of a batch."""

    erased: set[UUID] = field(default_factory=set)
    joined: dict[UUID, list[str]] = field(default_factory=dict)
    """The addresses of those who take part at this moment, by ticket."""
    followers: dict[UUID, list[AgentId]] = field(default_factory=dict)
    """The agents who follow at this moment, by ticket."""
    teams: dict[UUID, UUID] = field(default_factory=dict)
    responders: dict[UUID, UUID] = field(default_factory=dict)
    """The agent who answered last, by ticket."""
    is_anybody_waiting: bool = False
    """Whether a decision, of any ticket, waits for something that is not known yet."""

    def contacts_of(self, ticket_id: UUID) -> TicketContacts:
        """Returns the ticket's team and last responder."""
        return TicketContacts(self.teams.get(ticket_id), self.responders.get(ticket_id))

    def note_reply(self, event: Event) -> None:
        """Takes an agent's reply into account for the events after it in the batch."""
        if isinstance(event, MessagePosted) and event.author.kind is ActorKind.AGENT and event.author.id:
            self.responders[event.ticket_id] = event.author.id


def _look_up() -> CompoundSelect[Any]:
    """Everything in one statement."""
    wanted = any_(bindparam("ticket_ids", type_=ARRAY(Uuid())))
    erased = select(Ticket.id.label("id"), literal(ERASED).label("what"), null().label("who")).where(
        Ticket.id == wanted, Ticket.erased_at.is_not(None)
    )
    joined = select(Participant.ticket_id, literal(JOINED), Participant.email).where(
        Participant.ticket_id == wanted, Participant.state == ParticipantState.JOINED.value
    )
    following = select(TicketFollower.ticket_id, literal(FOLLOWING), cast(TicketFollower.agent_id, String)).where(
        TicketFollower.ticket_id == wanted, TicketFollower.is_following
    )
    team = select(Ticket.id, literal(TEAM), cast(Ticket.team_id, String)).where(
        Ticket.id == wanted, Ticket.team_id.is_not(None)
    )
    responder = select(Ticket.id, literal(RESPONDER), cast(Ticket.last_responder_id, String)).where(
        Ticket.id == wanted, Ticket.last_responder_id.is_not(None)
    )
    waiting = select(cast(null(), Uuid), literal(WAITING), null()).where(select(Delivery.id).where(IS_WAITING).exists())
    return union_all(erased, joined, following, team, responder, waiting)


LOOK_UP: Final = _look_up()
"""Built once, for any number of tickets: a statement for each number would be compiled and planned anew."""


async def look_up(session: Session, ticket_ids: Collection[UUID]) -> BatchLookup:
    """Reads the lookup in one statement."""
    found = BatchLookup()
    for ticket_id, what, who in await session.execute(LOOK_UP, {"ticket_ids": list(ticket_ids)}):
        if what == ERASED:
            found.erased.add(ticket_id)
        elif what == JOINED:
            found.joined.setdefault(ticket_id, []).append(who)
        elif what == FOLLOWING:
            found.followers.setdefault(ticket_id, []).append(AgentId(UUID(who)))
        elif what == TEAM:
            found.teams[ticket_id] = UUID(who)
        elif what == RESPONDER:
            found.responders[ticket_id] = UUID(who)
        else:
            found.is_anybody_waiting = True
    return found
