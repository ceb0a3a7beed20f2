"""Ends offers that were accepted, withdrawn (ticket or agent no longer available) or have lapsed.

A lapsed offer's ticket becomes unassigned again and is offered to the next agent. Row locks let each offer end once.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select, update

from services.assignment.models import Agent, Ticket, TicketAssignment
from services.assignment.queries.indexed_ranges import IS_OPEN
from services.assignment.routing.assignments import ASSIGNMENTS
from shared.kit.db import Session

IS_OFFERED = TicketAssignment.state == "offered"


async def end_offers(session: Session, now: datetime) -> bool:
    """Ends all offers that are over. Returns whether open offers remain, whose expiry must be watched."""
    over = or_(TicketAssignment.next_attempt_at <= now, _is_settled(), _is_unreachable())
    ended = (
        select(ASSIGNMENTS.c.id).where(IS_OFFERED, over).order_by(TicketAssignment.id).with_for_update(skip_locked=True)
    )
    outcome: Any = case((_is_taken(), "taken"), (or_(_is_settled(), _is_unreachable()), "withdrawn"), else_="lapsed")
    await session.execute(
        update(TicketAssignment)
        .where(TicketAssignment.id.in_(ended))
        .values(state=outcome, next_attempt_at=func.least(TicketAssignment.next_attempt_at, now))
        .execution_options(synchronize_session=False)
    )
    return bool(await session.scalar(select(exists(select(TicketAssignment.id).where(IS_OFFERED)))))


def _is_taken() -> ColumnElement[bool]:
    return exists(
        select(Ticket.id).where(
            Ticket.id == TicketAssignment.ticket_id, Ticket.assignee_id == TicketAssignment.agent_id
        )
    )


def _is_settled() -> ColumnElement[bool]:
    """Whether the ticket has an agent, has left the team or is closed; not yet opened tickets are not settled."""
    is_elsewhere = and_(Ticket.team_id.is_not(None), Ticket.team_id != TicketAssignment.team_id)
    return exists(
        select(Ticket.id).where(
            Ticket.id == TicketAssignment.ticket_id, or_(~IS_OPEN, Ticket.assignee_id.is_not(None), is_elsewhere)
        )
    )


def _is_unreachable() -> ColumnElement[bool]:
    """Whether the agent who has the offer cannot be assigned tickets any more."""
    return exists(
        select(Agent.id).where(Agent.id == TicketAssignment.agent_id, ~(Agent.is_active & Agent.is_available))
    )
