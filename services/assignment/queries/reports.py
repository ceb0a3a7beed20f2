"""Adds up verdicts, and the clocks that still run; never judges again."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Row,
    Select,
    and_,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import aliased

from services.assignment.models import Agent, SettledClock, Team
from services.assignment.queries.callers import Caller
from services.assignment.queries.people import agent_ids, team_ids
from services.assignment.queries.periods import Period
from services.assignment.queries.running_clocks import OVERDUE, RUNNING, running_clocks
from services.assignment.schemas.reports import GroupBy, GroupReport, MetricReport, SlaReport
from shared.contracts.vocabulary import Metric, Outcome, Permission, Priority
from shared.domain.permissions import reach
from shared.kit.db import Session

NOBODY = {GroupBy.TEAM: "No team", GroupBy.AGENT: "Nobody assigned", GroupBy.PRIORITY: ""}


async def get_sla_report(session: Session, caller: Caller, period: Period, group_by: GroupBy) -> SlaReport:
    """Per group and metric: met, breached, still running, attainment, median and 90th percentile of the time taken."""
    rows = (await session.execute(_measured(_entries(caller, period), period, group_by))).all()
    names = await _names(session, group_by, {row.key for row in rows if not row.is_total})
    groups: dict[Any, list[MetricReport]] = {}
    for row in rows:
        if not row.is_total:
            groups.setdefault(row.key, []).append(_metric(row))
    items = [
        GroupReport(id=one if isinstance(one, UUID) else None, name=names[one], metrics=_in_order(metrics))
        for one, metrics in sorted(groups.items(), key=lambda item: _place(item[0], names))
    ]
    total = [_metric(row) for row in rows if row.is_total]
    return SlaReport(
        from_=period.since,
        to=period.until,
        time_zone=period.zone,
        group_by=group_by,
        items=items,
        total=_in_order(total),
    )


def _entries(caller: Caller, period: Period) -> CTE:
    """What is counted: verdicts settled in the period, clocks that are overdue, and others that began in it."""
    running = running_clocks(period.now)
    counted = or_(running.c.outcome == OVERDUE, period.holds(running.c.at))
    parts = [
        select(
            source.c.metric,
            source.c.outcome,
            source.c.priority,
            source.c.team_id,
            source.c.agent_id,
            at.label("at"),
            elapsed.label("elapsed_seconds"),
        ).where(*conditions, *_scope(source.c.team_id, source.c.agent_id, caller, period))
        for source, at, elapsed, conditions in (
            (SettledClock.__table__, SettledClock.settled_at, SettledClock.elapsed_seconds, _final(running, period)),
            (running, running.c.at, null(), [counted]),
        )
    ]
    return union_all(*parts).cte("entries")


def _final(running: CTE, period: Period) -> list[ColumnElement[bool]]:
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
    runs_again = exists().where(
        running.c.ticket_id == latest.ticket_id, running.c.metric == latest.metric, running.c.cycle == latest.cycle
    )
    return [period.holds(latest.settled_at.expression), ~correction.offset(0).exists(), ~runs_again]


def _scope(
    team_id: ColumnElement[Any], agent_id: ColumnElement[Any], caller: Caller, period: Period
) -> list[ColumnElement[bool]]:
    """What was asked for, as far as the caller's report permission reaches."""
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


def _measured(entries: CTE, period: Period, group_by: GroupBy) -> Select[Any]:
    """Counts and percentiles per metric and key, and per metric alone (`is_total`), the entries read once."""
    columns = entries.c
    key = {GroupBy.TEAM: columns.team_id, GroupBy.AGENT: columns.agent_id, GroupBy.PRIORITY: columns.priority}[group_by]
    judged = columns.outcome.in_((Outcome.MET.value, Outcome.BREACHED.value))
    overdue = columns.outcome == OVERDUE
    counted = {outcome.value: columns.outcome == outcome.value for outcome in Outcome} | {
        "breached_running": and_(overdue, period.holds(columns.at)),
        "overdue_now": overdue,
        "running_in_time": columns.outcome == RUNNING,
    }
    return select(
        key.label("key"),
        columns.metric,
        (func.grouping(key) == 1).label("is_total"),
        *(func.count().filter(condition).label(name) for name, condition in counted.items()),
        func.percentile_cont(0.5).within_group(columns.elapsed_seconds).filter(judged).label("median"),
        func.percentile_cont(0.9).within_group(columns.elapsed_seconds).filter(judged).label("p90"),
    ).group_by(func.grouping_sets(tuple_(columns.metric, key), tuple_(columns.metric)))


def _metric(row: Row[Any]) -> MetricReport:
    breached = row.breached + row.breached_running
    judged = row.met + breached
    return MetricReport(
        metric=Metric(row.metric),
        met=row.met,
        breached=breached,
        breached_running=row.breached_running,
        cancelled=row.cancelled,
        attainment=round(100 * row.met / judged, 1) if judged else None,
        median_seconds=row.median,
        p90_seconds=row.p90,
        overdue_now=row.overdue_now,
        running_in_time=row.running_in_time,
    )


def _in_order(metrics: list[MetricReport]) -> list[MetricReport]:
    return sorted(metrics, key=lambda one: list(Metric).index(one.metric))


def _place(key: Any, names: dict[Any, str]) -> tuple[int, str]:
    """Priorities from the most urgent; everything else by name, nobody last."""
    if isinstance(key, str):
        return -Priority(key).rank, ""
    return int(key is None), names[key].casefold()


async def _names(session: Session, group_by: GroupBy, keys: set[Any]) -> dict[Any, str]:
    if group_by is GroupBy.PRIORITY:
        return {key: str(key) for key in keys}
    model: type[Team | Agent] = Team if group_by is GroupBy.TEAM else Agent
    rows = await session.execute(select(model.id, model.name).where(model.id.in_(keys - {None})))
    return dict.fromkeys(keys, "(removed)") | {None: NOBODY[group_by]} | dict(rows.tuples().all())
