"""Tickets on which rules are tried without doing anything: the last ones, or those of a past day."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select, union_all

from services.assignment.models import RoutingDecision, Ticket
from services.assignment.queries.indexed_ranges import Order, indexed_ranges
from shared.contracts.vocabulary import Status
from shared.kit.db import Session


@dataclass(frozen=True, slots=True)
class SampledTicket:
    """A ticket as it was routed, and as it is now."""

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
    """The newest tickets, newest first; with instants, those submitted in [since, until). Erased ones are left out.

    Reads as many entries of indexes as tickets are asked for, whatever lies in the past.
    """
    order = Order(Ticket.created_at, is_descending=True)
    asked: list[ColumnElement[bool]] = [Ticket.erased_at.is_(None)]
    asked += [Ticket.created_at >= since] if since else []
    asked += [Ticket.created_at < until] if until else []
    lanes = [order.walk((*lane, *asked), most) for lane in indexed_ranges(list(Status), [()])]
    found = union_all(*(select(lane.subquery()) for lane in lanes)).subquery("found")
    rows = await session.execute(select(found.c.id).order_by(*order.by(found)).limit(most))
    return list(rows.scalars())


async def sampled_tickets(session: Session, ticket_ids: Collection[UUID]) -> dict[UUID, SampledTicket]:
    """How tickets were routed, by the stored decision, or as they are now where there is none."""
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
