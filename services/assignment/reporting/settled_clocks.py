"""The rows that SLA and time reports count: final verdicts of a period, and clocks that still run."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    String,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from services.assignment.models import (
    Agent,
    LoggedEvent,
    Organisation,
    RoutingDecision,
    SettledClock,
    Team,
    Ticket,
    Topic,
)
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import agent_ids, team_ids
from services.assignment.queries.periods import Period
from services.assignment.queries.running_clocks import OVERDUE, running_clocks
from services.assignment.queries.time_travel.open_tickets import OpenAt
from services.assignment.queries.time_travel.snapshots import CHANGED
from services.assignment.schemas.reports import GroupBy
from shared.contracts.events import SlaSettled
from shared.contracts.vocabulary import Metric, Outcome, Permission, Priority
from shared.domain.permissions import reach
from shared.kit.db import Session

NO_GROUP = {
    GroupBy.TEAM: "No team",
    GroupBy.AGENT: "Nobody assigned",
    GroupBy.TOPIC: "No topic",
    GroupBy.PRIORITY: "Not known",
    GroupBy.CHANNEL: "Not known",
    GroupBy.ORGANISATION: "No organisation",
}
_NAMED: dict[GroupBy, type[Team | Agent | Topic | Organisation]] = {
    GroupBy.TEAM: Team,
    GroupBy.AGENT: Agent,
    GroupBy.TOPIC: Topic,
    GroupBy.ORGANISATION: Organisation,
}


def period_before(period: Period) -> Period:
    """The period of equal length just before."""
    return replace(period, since=period.since - (period.until - period.since), until=period.since)


def clock_entries(caller: Caller, period: Period, group_by: GroupBy) -> CTE:
    """Verdicts settled in the period, clocks that are overdue, and others that began in it, each with its group."""
    running = running_clocks(period.now, OpenAt.of(period.as_of))
    counted = or_(running.c.outcome == OVERDUE, period.holds(running.c.at))
    verdicts = SettledClock.__table__
    parts = [
        select(
            source.c.ticket_id,
            source.c.metric,
            source.c.outcome,
            group_key(source, group_by).label("key"),
            at.label("at"),
            elapsed.label("elapsed_seconds"),
            wall.label("wall_seconds"),
        ).where(*conditions, *scope_of(source.c.team_id, source.c.agent_id, caller, period))
        for source, at, elapsed, wall, conditions in (
            (
                verdicts,
                verdicts.c.settled_at,
                verdicts.c.elapsed_seconds,
                wall_seconds(),
                final_verdicts(running, period),
            ),
            (running, running.c.at, null(), null(), [counted]),
        )
    ]
    return union_all(*parts).cte("entries")


def judged_entries(caller: Caller, period: Period, group_by: GroupBy) -> CTE:
    """Clocks that were met or breached in the period and do not run any more, each with its group."""
    running, source = running_clocks(period.now, OpenAt.of(period.as_of)), SettledClock.__table__
    judged = source.c.outcome.in_((Outcome.MET.value, Outcome.BREACHED.value))
    return (
        select(
            source.c.ticket_id,
            source.c.metric,
            group_key(source, group_by).label("key"),
            source.c.settled_at.label("at"),
            source.c.elapsed_seconds,
            wall_seconds().label("wall_seconds"),
        )
        .where(judged, *final_verdicts(running, period), *scope_of(source.c.team_id, source.c.agent_id, caller, period))
        .cte("judged")
    )


def wall_seconds() -> ColumnElement[Any]:
    """Seconds by the wall clock from the start of a verdict's clock to its end.

    Older verdicts do not say when it began: first clocks begin with the ticket; of others the open time is known.
    """
    first = and_(SettledClock.cycle == 1, SettledClock.metric != Metric.NEXT_RESPONSE.value)
    opened_at = select(Ticket.created_at).where(Ticket.id == SettledClock.ticket_id).scalar_subquery()
    began = case((SettledClock.started_at.is_not(None), SettledClock.started_at), (first, opened_at))
    passed = func.extract("epoch", SettledClock.settled_at - began)
    return func.coalesce(func.greatest(passed, 0), SettledClock.elapsed_seconds)


def group_key(source: Any, group_by: GroupBy) -> ColumnElement[Any]:
    """The group of a clock as text; null for none. The organisation is that of the ticket's routing decision."""
    ticket = aliased(Ticket)
    decision = aliased(RoutingDecision)
    of_ticket = ticket.id == source.c.ticket_id
    organisation = decision.evidence["organisation_id"].astext
    keys: dict[GroupBy, ColumnElement[Any]] = {
        GroupBy.TEAM: cast(source.c.team_id, String),
        GroupBy.AGENT: cast(source.c.agent_id, String),
        GroupBy.PRIORITY: cast(source.c.priority, String),
        GroupBy.TOPIC: select(cast(ticket.topic_id, String)).where(of_ticket).scalar_subquery(),
        GroupBy.CHANNEL: select(ticket.channel).where(of_ticket).scalar_subquery(),
        GroupBy.ORGANISATION: select(organisation).where(decision.ticket_id == source.c.ticket_id).scalar_subquery(),
    }
    return keys[group_by]


def final_verdicts(running: CTE, period: Period) -> list[ColumnElement[bool]]:
    """The last word on each clock of the period. A clock that a reopening set going again has none yet.

    `offset 0` has corrections looked up for each verdict of the period; joined, all there ever were would be read.
    """
    latest, newer = SettledClock, aliased(SettledClock)
    correction = select(newer.revision).where(
        newer.ticket_id == latest.ticket_id,
        newer.metric == latest.metric,
        newer.cycle == latest.cycle,
        newer.revision > latest.revision,
        newer.revision > literal_column("1"),
    )
    if period.as_of is not None:
        correction = correction.where(_was_told(newer, period.as_of))
    runs_again = exists().where(
        running.c.ticket_id == latest.ticket_id, running.c.metric == latest.metric, running.c.cycle == latest.cycle
    )
    told = [_was_told(latest, period.as_of)] if period.as_of is not None else []
    return [period.holds(latest.settled_at.expression), ~correction.offset(0).exists(), ~runs_again, *told]


def _was_told(verdict: type[SettledClock], as_of: datetime) -> ColumnElement[bool]:
    """That a verdict had been published by then: a late fact may settle a clock at an instant that has passed."""
    said = LoggedEvent.data["verdict"]
    later = (
        select(LoggedEvent.event_id)
        .where(LoggedEvent.ticket_id == verdict.ticket_id, as_of < CHANGED, LoggedEvent.type == SlaSettled.event_name)
        .where(said["metric"].astext == verdict.metric, said["cycle"].as_integer() == verdict.cycle)
        .where(said["revision"].as_integer() == verdict.revision)
    )
    return ~later.offset(0).exists()


def scope_of(
    team_id: ColumnElement[Any], agent_id: ColumnElement[Any], caller: Caller, period: Period
) -> list[ColumnElement[bool]]:
    """The team and agent of the request, as far as the caller's report permission reaches."""
    conditions: list[ColumnElement[bool]] = []
    if period.team:
        conditions.append(team_id.in_(team_ids(period.team)))
    if period.agent:
        conditions.append(agent_id.in_(agent_ids(period.agent)))
    reached = reach(caller.principal, Permission.REPORT_VIEW)
    if not reached.is_everything:
        own = [agent_id == caller.agent_id] if reached.is_own else []
        conditions.append(or_(team_id.in_(reached.team_ids), *own))
    return conditions


async def group_names(session: Session, group_by: GroupBy, keys: set[str | None]) -> dict[str | None, str]:
    """What groups are called."""
    names: dict[str | None, str] = {None: NO_GROUP[group_by]}
    if group_by not in _NAMED:
        return names | {key: key for key in keys if key is not None}
    model = _NAMED[group_by]
    wanted = [UUID(key) for key in keys if key is not None]
    rows = await session.execute(select(model.id, model.name).where(model.id.in_(wanted)))
    known = {str(id_): name for id_, name in rows.tuples()}
    return names | {key: known.get(key, "(removed)") for key in keys if key is not None}


def group_id(group_by: GroupBy, key: str | None) -> UUID | None:
    """The id of a team, agent, topic or organisation; null for a priority or channel, which its name tells."""
    return UUID(key) if key is not None and group_by in _NAMED else None


def group_place(group_by: GroupBy, key: str | None, name: str) -> tuple[int, str]:
    """Sort key: priorities from the most urgent; everything else by name, none last."""
    if group_by is GroupBy.PRIORITY and key in set(Priority):
        return -Priority(key).rank, ""
    return int(key is None), name.casefold()


def interval_start(step: str, at: ColumnElement[Any], zone: str) -> ColumnElement[Any]:
    """The beginning of the interval of the zone that holds an instant."""
    return func.date_trunc(literal(step), at, literal(zone))
