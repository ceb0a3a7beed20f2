"""Backlog and workload reports: current open tickets by age and by agent. Reads open tickets only."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row, Select, String, and_, cast, exists, func, null, select

from services.assignment.models import Agent, Team, Ticket, Topic
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import team_ids
from services.assignment.queries.running_clocks import OVERDUE, running_clocks
from services.assignment.queries.time_travel.open_tickets import OpenAt
from services.assignment.reporting.activity import NOBODYS, place_of
from services.assignment.schemas.activity import (
    BacklogGroup,
    BacklogReport,
    Dimension,
    WorkloadGroup,
    WorkloadReport,
)
from shared.contracts.vocabulary import Permission, Priority, Status
from shared.domain.permissions import Principal
from shared.kit.db import Session

AGES = {"under_1_day": 1, "under_3_days": 3, "under_7_days": 7, "under_30_days": 30}
"""The upper ends of the age groups, in days of 24 hours; each begins where the one before ends."""
WAITING = (Status.PENDING.value, Status.ON_HOLD.value)
_KEYS: dict[Dimension, str] = {
    Dimension.TEAM: "team_id",
    Dimension.AGENT: "assignee_id",
    Dimension.TOPIC: "topic_id",
    Dimension.PRIORITY: "priority",
    Dimension.CHANNEL: "channel",
}
_NAMED: dict[Dimension, Any] = {Dimension.TEAM: Team, Dimension.AGENT: Agent, Dimension.TOPIC: Topic}


async def get_backlog_report(
    session: Session, caller: Caller, team: str | None, group_by: Dimension, tickets: OpenAt
) -> BacklogReport:
    """Open tickets per group and in total, by age."""
    now, ticket = tickets.at, tickets.ticket
    asked = _AskedTickets(tickets, team, group_by)
    oldest = func.min(ticket.created_at).label("oldest_opened_at")
    rows = await _grouped(session, caller, asked, backlog_figures(tickets), oldest)
    groups = [BacklogGroup(**_identity(row, group_by), **_figures(row, BacklogGroup)) for row in rows]
    return BacklogReport(
        at=now, group_by=group_by, items=sorted(groups[1:], key=lambda one: place_of(one, group_by)), total=groups[0]
    )


async def get_workload_report(session: Session, caller: Caller, team: str | None, tickets: OpenAt) -> WorkloadReport:
    """Open tickets per agent and in total."""
    now, asked = tickets.at, _AskedTickets(tickets, team, Dimension.AGENT)
    rows = await _grouped(session, caller, asked, workload_figures(tickets), null().label("nothing"))
    groups = [WorkloadGroup(**_identity(row, Dimension.AGENT), **_figures(row, WorkloadGroup)) for row in rows]
    items = sorted(groups[1:], key=lambda one: (-one.open, one.name.casefold()))
    return WorkloadReport(at=now, items=items, total=groups[0])


def backlog_figures(tickets: OpenAt) -> dict[str, ColumnElement[bool]]:
    """What the columns of the backlog count, but for `open`, which counts all."""
    age, begin = tickets.at - tickets.ticket.created_at, timedelta()
    counted: dict[str, ColumnElement[bool]] = {"overdue": _overdue(tickets)}
    for name, days in AGES.items():
        end = timedelta(days=days)
        counted[name] = and_(age >= begin, age < end) if begin else age < end
        begin = end
    return counted | {"older": age >= begin}


def workload_figures(tickets: OpenAt) -> dict[str, ColumnElement[bool]]:
    """What the columns of the workload count, but for `open`, which counts all."""
    now, ticket = tickets.at, tickets.ticket
    return {
        "waiting": ticket.status.in_(WAITING),
        **{priority.value: ticket.priority == priority.value for priority in Priority},
        "overdue": _overdue(tickets),
        "due_within_1_hour": ticket.next_due_at.between(now, now + timedelta(hours=1)),
        "due_within_24_hours": ticket.next_due_at.between(now, now + timedelta(hours=24)),
    }


def counted_open_tickets(
    principal: Principal, tickets: OpenAt, team: str | None, figure: ColumnElement[bool], group_by: Dimension
) -> Select[Any]:
    """The tickets that a figure of these reports counts, with the group of each as text."""
    ticket = tickets.ticket
    in_team = [ticket.team_id.in_(team_ids(team))] if team else []
    return (
        select(ticket.id.label("ticket_id"), ticket.created_at.label("at"), group_of(ticket, group_by).label("key"))
        .select_from(tickets.source)
        .where(tickets.is_open, tickets.visible_to(principal, Permission.REPORT_VIEW), figure, *in_team)
    )


def group_of(ticket: type[Ticket], group_by: Dimension) -> ColumnElement[Any]:
    """The group of a ticket as text; null for none."""
    return cast(getattr(ticket, _KEYS[group_by]), String)


def _overdue(tickets: OpenAt) -> ColumnElement[bool]:
    clocks = running_clocks(tickets.at, tickets)
    return exists(
        select(clocks.c.ticket_id).where(clocks.c.ticket_id == tickets.ticket.id, clocks.c.outcome == OVERDUE)
    )


@dataclass(frozen=True, slots=True)
class _AskedTickets:
    """Which tickets, and by what they are grouped."""

    tickets: OpenAt
    team: str | None
    group_by: Dimension


async def _grouped(
    session: Session, caller: Caller, asked: _AskedTickets, counted: dict[str, ColumnElement[bool]], extra: Any
) -> list[Row[Any]]:
    """The total row first, then one row per group."""
    tickets, ticket = asked.tickets, asked.tickets.ticket
    key = getattr(ticket, _KEYS[asked.group_by])
    in_team = [ticket.team_id.in_(team_ids(asked.team))] if asked.team else []
    names: Any = _NAMED.get(asked.group_by)
    source: FromClause = tickets.source
    name: Any = key if names is None else names.name
    if names is not None:
        source = source.outerjoin(names, names.id == key)
    query: Select[Any] = (
        select(
            func.grouping(key).label("is_total"),
            key.label("key"),
            func.min(name).label("name"),
            func.count().label("open"),
            *(func.count().filter(condition).label(label) for label, condition in counted.items()),
            extra,
        )
        .select_from(source)
        .where(tickets.is_open, tickets.visible_to(caller.principal, Permission.REPORT_VIEW), *in_team)
        .group_by(func.rollup(key))
    )
    rows = (await session.execute(query)).all()
    return sorted(rows, key=lambda row: -row.is_total)


def _identity(row: Row[Any], group_by: Dimension) -> dict[str, Any]:
    if row.is_total:
        return {"id": None, "name": "All"}
    if row.key is None:
        return {"id": None, "name": NOBODYS[group_by]}
    return {"id": str(row.key), "name": row.name or "(removed)"}


def _figures(row: Row[Any], model: type[BacklogGroup | WorkloadGroup]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in model.model_fields if name not in ("id", "name")}
