"""SLA attainment: adds up verdicts, and the clocks that still run; never judges again."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, Row, Select, and_, func, select, tuple_

from services.assignment.queries.access.callers import Caller
from services.assignment.queries.periods import Period
from services.assignment.queries.running_clocks import OVERDUE, RUNNING
from services.assignment.reporting.clock_sums import consistently, find_counts
from services.assignment.reporting.counted_clocks import sla_from_counts
from services.assignment.reporting.settled_clocks import (
    clock_entries,
    group_id,
    group_names,
    group_place,
    interval_start,
    period_before,
)
from services.assignment.reporting.steps import attainment_of, interval_starts
from services.assignment.schemas.activity import ReportInterval
from services.assignment.schemas.reports import AttainmentPoint, GroupBy, GroupReport, MetricReport, SlaReport
from shared.contracts.vocabulary import Metric, Outcome
from shared.kit.db import Session


async def get_sla_report(
    session: Session, caller: Caller, period: Period, group_by: GroupBy, interval: ReportInterval | None = None
) -> SlaReport:
    """Per group and metric: met, breached, still running, attainment and times; beside the period before, over time.

    Raises Problem 422 for more intervals than a page can show.
    """
    counted = await find_counts(session, caller, period)
    if counted is not None:
        return await consistently(
            session, counted, lambda mark: sla_from_counts(session, caller, period, group_by, interval, mark)
        )
    entries = clock_entries(caller, period, group_by)
    rows = (await session.execute(_measured(entries, period))).all()
    names = await group_names(session, group_by, {row.key for row in rows if not row.is_total})
    groups: dict[str | None, list[MetricReport]] = {}
    for row in rows:
        if not row.is_total:
            groups.setdefault(row.key, []).append(_metric(row))
    items = [
        GroupReport(id=group_id(group_by, key), name=names[key], metrics=_in_order(metrics))
        for key, metrics in sorted(groups.items(), key=lambda item: group_place(group_by, item[0], names[item[0]]))
    ]
    return SlaReport(
        from_=period.since,
        to=period.until,
        time_zone=period.zone,
        group_by=group_by,
        interval=interval,
        precision="exact",
        items=items,
        total=_in_order(_metric(row) for row in rows if row.is_total),
        previous_total=await _previous(session, caller, period),
        series=await _series(session, entries, period, interval),
    )


async def _previous(session: Session, caller: Caller, period: Period) -> list[MetricReport]:
    before = period_before(period)
    rows = await session.execute(_measured(clock_entries(caller, before, GroupBy.PRIORITY), before))
    return _in_order(_metric(row) for row in rows if row.is_total)


async def _series(
    session: Session, entries: CTE, period: Period, interval: ReportInterval | None
) -> list[AttainmentPoint]:
    if interval is None:
        return []
    starts = await interval_starts(session, period, interval)
    columns = entries.c
    at = interval_start(interval.value, columns.at, period.zone).label("at")
    held = select(at, columns.metric, columns.outcome, columns.at.label("instant")).where(period.holds(columns.at))
    steps = held.subquery("steps")
    counted = _counted(steps, period, at="instant")
    sums = (func.count().filter(condition).label(name) for name, condition in counted.items())
    rows = await session.execute(select(steps.c.at, steps.c.metric, *sums).group_by(steps.c.at, steps.c.metric))
    found = {(row.at, row.metric): row for row in rows}
    metrics = sorted({metric for _, metric in found}, key=lambda one: list(Metric).index(Metric(one)))
    return [_point(start, metric, found.get((start, metric))) for start in starts for metric in metrics]


def _counted(entries: Any, period: Period, at: str = "at") -> dict[str, ColumnElement[bool]]:
    columns = entries.c
    overdue = columns.outcome == OVERDUE
    return {outcome.value: columns.outcome == outcome.value for outcome in Outcome} | {
        "breached_running": and_(overdue, period.holds(columns[at])),
        "overdue_now": overdue,
        "running_in_time": columns.outcome == RUNNING,
    }


def _measured(entries: CTE, period: Period) -> Select[Any]:
    """Counts and percentiles per metric and key, and per metric alone (`is_total`), the entries read once."""
    columns = entries.c
    judged = columns.outcome.in_((Outcome.MET.value, Outcome.BREACHED.value))
    return select(
        columns.key,
        columns.metric,
        (func.grouping(columns.key) == 1).label("is_total"),
        *(func.count().filter(condition).label(name) for name, condition in _counted(entries, period).items()),
        func.percentile_cont(0.5).within_group(columns.elapsed_seconds).filter(judged).label("median"),
        func.percentile_cont(0.9).within_group(columns.elapsed_seconds).filter(judged).label("p90"),
    ).group_by(func.grouping_sets(tuple_(columns.metric, columns.key), tuple_(columns.metric)))


def _metric(row: Row[Any]) -> MetricReport:
    breached = row.breached + row.breached_running
    return MetricReport(
        metric=Metric(row.metric),
        met=row.met,
        breached=breached,
        breached_running=row.breached_running,
        cancelled=row.cancelled,
        attainment=attainment_of(row.met, breached),
        median_seconds=row.median,
        p90_seconds=row.p90,
        overdue_now=row.overdue_now,
        running_in_time=row.running_in_time,
    )


def _point(at: datetime, metric: str, row: Row[Any] | None) -> AttainmentPoint:
    if row is None:
        return AttainmentPoint(at=at, metric=Metric(metric))
    breached = row.breached + row.breached_running
    return AttainmentPoint(
        at=at,
        metric=Metric(metric),
        met=row.met,
        breached=breached,
        breached_running=row.breached_running,
        cancelled=row.cancelled,
        running_in_time=row.running_in_time,
        attainment=attainment_of(row.met, breached),
    )


def _in_order(metrics: Iterable[MetricReport]) -> list[MetricReport]:
    return sorted(metrics, key=lambda one: list(Metric).index(one.metric))
