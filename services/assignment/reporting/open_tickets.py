"""Backlog and workload reports: current open tickets by age and by agent. Reads open tickets only."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Row, Select, and_, exists, func, null, or_, select, true

from services.assignment.models import Agent, Team, Ticket, Topic
from services.assignment.queries.callers import Caller
from services.assignment.queries.indexed_ranges import IS_OPEN
from services.assignment.queries.running_clocks import OVERDUE, running_clocks
from services.assignment.reporting.activity import NOBODYS
from services.assignment.schemas.activity import (
    BacklogGroup,
    BacklogReport,
    Dimension,
    WorkloadGroup,
    WorkloadReport,
)
from shared.contracts.vocabulary import Permission, Priority, Status
from shared.domain.permissions import reach
from shared.kit.db import Session

AGES = {"under_1_day": 1, "under_3_days": 3, "under_7_days": 7, "under_30_days": 30}
"""The upper ends of the age groups, in days of 24 hours; each begins where the one before ends."""
WAITING = (Status.PENDING.value, Status.ON_HOLD.value)
_KEYS: dict[Dimension, Any] = {
    Dimension.TEAM: Ticket.team_id,
    Dimension.AGENT: Ticket.assignee_id,
    Dimension.TOPIC: Ticket.topic_id,
    Dimension.PRIORITY: Ticket.priority,
    Dimension.CHANNEL: Ticket.channel,
}
_NAMED: dict[Dimension, Any] = {Dimension.TEAM: Team, Dimension.AGENT: Agent, Dimension.TOPIC: Topic}


async def get_backlog_report(
    session: Session, caller: Caller, team: str | None, group_by: Dimension, now: datetime
) -> BacklogReport:
    """Open tickets per group and in total, by age."""
    overdue, age = _overdue(now), now - Ticket.created_at
    ends = [timedelta(days=days) for days in AGES.values()]
    ages = {
        name: and_(age < end, age >= begin) for name, begin, end in zip(AGES, [timedelta(), *ends], ends, strict=False)
    }
    ages[next(iter(AGES))] = age < ends[0]
    counted = ages | {"older": age >= ends[-1], "overdue": overdue}
    rows = await _grouped(
        session, caller, team, group_by, counted, func.min(Ticket.created_at).label("oldest_opened_at")
    )
    groups = [BacklogGroup(**_identity(row, group_by), **_figures(row, BacklogGroup)) for row in rows]
    return BacklogReport(at=now, group_by=group_by, items=_ordered(groups[1:], group_by), total=groups[0])


async def get_workload_report(session: Session, caller: Caller, team: str | None, now: datetime) -> WorkloadReport:
    """Open tickets per agent and in total."""
    counted: dict[str, ColumnElement[bool]] = {
        "waiting": Ticket.status.in_(WAITING),
        **{priority.value: Ticket.priority == priority.value for priority in Priority},
        "overdue": _overdue(now),
        "due_within_1_hour": Ticket.next_due_at.between(now, now + timedelta(hours=1)),
        "due_within_24_hours": Ticket.next_due_at.between(now, now + timedelta(hours=24)),
    }
    rows = await _grouped(session, caller, team, Dimension.AGENT, counted, null().label("nothing"))
    groups = [WorkloadGroup(**_identity(row, Dimension.AGENT), **_figures(row, WorkloadGroup)) for row in rows]
    items = sorted(groups[1:], key=lambda one: (-one.open, one.name.casefold()))
    return WorkloadReport(at=now, items=items, total=groups[0])


def _overdue(now: datetime) -> ColumnElement[bool]:
    clocks = running_clocks(now)
    return exists(select(clocks.c.ticket_id).where(clocks.c.ticket_id == Ticket.id, clocks.c.outcome == OVERDUE))


async def _grouped(
    session: Session,
    caller: Caller,
    team: str | None,
    group_by: Dimension,
    counted: dict[str, ColumnElement[bool]],
    extra: Any,
) -> list[Row[Any]]:
    """The total row first, then one row per group."""
    key = _KEYS[group_by]
    names: Any = _NAMED.get(group_by)
    source: FromClause = Ticket.__table__
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
        .where(IS_OPEN, _visible(caller), _in_team(team))
        .group_by(func.rollup(key))
    )
    rows = (await session.execute(query)).all()
    return sorted(rows, key=lambda row: -row.is_total)


def _visible(caller: Caller) -> ColumnElement[bool]:
    reached = reach(caller.principal, Permission.REPORT_VIEW)
    if reached.is_everything:
        return true()
    own = [Ticket.assignee_id == caller.agent_id] if reached.is_own else []
    return or_(Ticket.team_id.in_(reached.team_ids), *own)


def _in_team(team: str | None) -> ColumnElement[bool]:
    if not team:
        return true()
    try:
        return Ticket.team_id == UUID(team)
    except ValueError:
        return Ticket.team_id.in_(select(Team.id).where(Team.slug == team.lower()))


def _identity(row: Row[Any], group_by: Dimension) -> dict[str, Any]:
    if row.is_total:
        return {"id": None, "name": "All"}
    if row.key is None:
        return {"id": None, "name": NOBODYS[group_by]}
    return {"id": str(row.key), "name": row.name or "(removed)"}


def _figures(row: Row[Any], model: type[BacklogGroup | WorkloadGroup]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in model.model_fields if name not in ("id", "name")}


def _ordered(groups: list[BacklogGroup], group_by: Dimension) -> list[BacklogGroup]:
    """Sorts priorities from the most urgent, other groups by name, unassigned last."""
    if group_by is Dimension.PRIORITY:
        return sorted(groups, key=lambda one: -Priority(one.name).rank)
    return sorted(groups, key=lambda one: (one.id is None, one.name.casefold()))
