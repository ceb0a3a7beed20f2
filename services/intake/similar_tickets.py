"""Requests of the same person that are like the one being written: shown to nobody but that person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from services.intake.models import LinkRevocation, Ticket
from services.intake.queries.tickets import IS_NOT_CLOSED
from shared.contracts.base import TicketId
from shared.kit.auth import TicketLink
from shared.kit.db import Session

LOOKED_AT = 100
"""The newest tickets of a person; older ones are hardly what is meant."""
SHOWN = 3
ENOUGH = 0.3
"""Of 1 for the same words in any order."""


@dataclass(frozen=True, slots=True)
class Proof:
    """An address whose mail the user of a browser has shown to read, and when the link that showed it was made."""

    email: str
    at: datetime

    def link_to(self, ticket_id: TicketId) -> TicketLink:
        """A link of that address, as old as the proof: it dies with it, of age or revoked."""
        return TicketLink(ticket_id, self.email, signed_at=self.at)


@dataclass(frozen=True, slots=True)
class Similar:
    """A ticket that is like what is being written."""

    ticket: Ticket
    link: TicketLink
    """As old as the link that is the proof: it dies with it, of age or revoked."""


async def similar_tickets(session: Session, proof: Proof, subject: str) -> list[Similar]:
    """The person's open or solved tickets that are like a subject, the likest first; at most three."""
    likeness = {
        ticket.id: (resemblance(subject, ticket.subject), ticket) for ticket in await _newest(session, proof.email)
    }
    likest = sorted(likeness.values(), key=lambda found: -found[0])[:SHOWN]
    tickets = [ticket for score, ticket in likest if score >= ENOUGH]
    if not tickets or await _was_revoked(session, proof, tickets):
        return []
    return [Similar(ticket, proof.link_to(TicketId(ticket.id))) for ticket in tickets]


def resemblance(one: str, other: str) -> float:
    """How alike two subjects are, from 0 to 1: the share of the three-letter pieces of their words that both have."""
    first, second = _pieces(one), _pieces(other)
    return 2 * len(first & second) / (len(first) + len(second)) if first and second else 0.0


def _pieces(text: str) -> set[str]:
    words = "".join(char if char.isalnum() else " " for char in text.casefold()).split()
    return {padded[start : start + 3] for padded in (f" {word} " for word in words) for start in range(len(padded) - 2)}


async def _newest(session: Session, email: str) -> Sequence[Ticket]:
    query = (
        select(Ticket)
        .where(func.lower(Ticket.requester_email) == email, IS_NOT_CLOSED, ~Ticket.is_archived)
        .order_by(Ticket.created_at.desc())
        .limit(LOOKED_AT)
    )
    return (await session.scalars(query)).all()


async def _was_revoked(session: Session, proof: Proof, tickets: Sequence[Ticket]) -> bool:
    """Whether a link was declared useless since the proof: it may have been the very one that led to it."""
    query = select(LinkRevocation.ticket_id).where(
        LinkRevocation.ticket_id.in_([ticket.id for ticket in tickets]),
        LinkRevocation.email == proof.email,
        LinkRevocation.made_before > proof.at,
    )
    return (await session.execute(query.limit(1))).first() is not None
