"""The SLA clocks that still run, as the newest snapshots of the tickets that are worked on show them."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import CTE, DateTime, and_, case, cast, column, func, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from services.assignment.queries.time_travel.open_tickets import OpenAt
from shared.contracts.vocabulary import ClockState

OVERDUE: Final = "overdue"
RUNNING: Final = "running"


def running_clocks(now: datetime, tickets: OpenAt | None = None) -> CTE:
    """Clocks that are not settled, running or paused. Reads open tickets only: resolving settles every clock.

    `tickets` are those of the past, if not those of now.

    `outcome` is `overdue` from the breach on, or from the due instant on where its event has not come yet, else
    `running`; `at` is the instant it fell due, or that it began.
    """
    tickets = tickets or OpenAt(now)
    ticket = tickets.ticket
    clocks = func.jsonb_array_elements(ticket.snapshot["clocks"]).table_valued(
        column("value", JSONB), joins_implicitly=True
    )
    clock = clocks.c.value
    due_at, breached_at = _instant(clock, "due_at"), _instant(clock, "breached_at")
    is_running = clock["state"].astext == ClockState.RUNNING.value
    is_overdue = or_(breached_at.is_not(None), and_(is_running, due_at <= now))
    return (
        select(
            ticket.id.label("ticket_id"),
            ticket.team_id,
            ticket.assignee_id.label("agent_id"),
            ticket.priority,
            clock["metric"].astext.label("metric"),
            clock["cycle"].as_integer().label("cycle"),
            case((is_overdue, OVERDUE), else_=RUNNING).label("outcome"),
            case((is_overdue, func.coalesce(breached_at, due_at)), else_=_instant(clock, "started_at")).label("at"),
        )
        .where(tickets.is_open, clock["state"].astext != ClockState.SETTLED.value)
        .cte("running")
    )


def _instant(clock: Any, name: str) -> Any:
    return cast(clock[name].astext, DateTime(timezone=True))
