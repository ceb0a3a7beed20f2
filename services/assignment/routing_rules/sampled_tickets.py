"""Samples of tickets for previews and simulations: the most recent ones, or those of a past day."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, literal_column, select, union_all

from services.assignment.models import RoutingDecision, Ticket
from services.assignment.models.ticket_indexes import OVER
from services.assignment.queries.indexed_ranges import IS_OPEN
from shared.contracts.vocabulary import Status
from shared.kit.db import Session

PARTS: tuple[ColumnElement[bool], ...] = (
    IS_OPEN,
    *(
        literal_column(f"tickets.{OVER} and tickets.status = '{status.value}'", Boolean)
        for status in (Status.RESOLVED, Status.CLOSED)
    ),
)
"""Parts of all tickets that share none, each in the order of an index, whose condition is written as there."""


@dataclass(frozen=True, slots=True)
class SampledTicket:
    """A ticket's stored routing result and its current state."""

    id: UUID
    number: str
    subject: str
    team_id: UUID | None
    assignee_id: UUID | None
    priority: str
    policy_id: UUID | None
    place_team_id: UUID | None
    """Its team now, which decides who may see it."""
    place_agent_id: UUID | None


async def recent_ticket_ids(
    session: Session, most: int, since: datetime | None = None, until: datetime | None = None
) -> list[UUID]:
    """The newest ticket ids, newest first; with instants, those submitted in [since, until). Erased ones are left out.

    Reads as many index entries as tickets are asked for, whatever the size of the table.
    """
    asked: list[ColumnElement[bool]] = [Ticket.erased_at.is_(None)]
    asked += [Ticket.created_at >= since] if since else []
    asked += [Ticket.created_at < until] if until else []
    parts = [
        select(Ticket.id, Ticket.created_at)
        .where(part, *asked)
        .order_by(Ticket.created_at.desc(), Ticket.id.desc())
        .limit(most)
        .subquery()
        for part in PARTS
    ]
    found = union_all(*(select(part) for part in parts)).subquery("found")
    rows = await session.execute(select(found.c.id).order_by(found.c.created_at.desc(), found.c.id.desc()).limit(most))
    return list(rows.scalars())


async def sampled_tickets(session: Session, ticket_ids: Collection[UUID]) -> dict[UUID, SampledTicket]:
    """Stored decisions of the tickets, or their current state where no decision is stored."""
    query = (
        select(Ticket, RoutingDecision)
        .outerjoin(RoutingDecision, RoutingDecision.ticket_id == Ticket.id)
        .where(Ticket.id.in_(ticket_ids))
    )
    return {ticket.id: _sampled(ticket, decision) for ticket, decision in (await session.execute(query)).tuples()}


def _sampled(ticket: Ticket, decision: RoutingDecision | None) -> SampledTicket:
    policy = ticket.snapshot.get("policy_id")
    return SampledTicket(
        id=ticket.id,
        number=ticket.number,
        subject=ticket.subject,
        team_id=decision.team_id if decision else ticket.team_id,
        assignee_id=decision.agent_id if decision else ticket.assignee_id,
        priority=decision.priority if decision else ticket.priority,
        policy_id=decision.policy_id if decision else UUID(policy) if policy else None,
        place_team_id=ticket.team_id,
        place_agent_id=ticket.assignee_id,
    )
