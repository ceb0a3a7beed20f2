"""Offers end: taken, withdrawn as the ticket or the agent is no longer there for it, or lapsed when their time is up.

A lapsed offer's ticket waits again, and the next agent is asked. Each ends once, whoever looks at it first.
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
    """Ends those that are over. Returns whether any is left, whose time must be watched."""
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
    """Whether somebody has the ticket, another team does, or it is over. One that is still being opened is not."""
    is_elsewhere = and_(Ticket.team_id.is_not(None), Ticket.team_id != TicketAssignment.team_id)
    return exists(
        select(Ticket.id).where(
            Ticket.id == TicketAssignment.ticket_id, or_(~IS_OPEN, Ticket.assignee_id.is_not(None), is_elsewhere)
        )
    )


def _is_unreachable() -> ColumnElement[bool]:
    """Whether whoever was asked takes no tickets any more."""
    return exists(
        select(Agent.id).where(Agent.id == TicketAssignment.agent_id, ~(Agent.is_active & Agent.is_available))
    )
