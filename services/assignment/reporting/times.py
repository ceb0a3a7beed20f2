"""Time report: how long first responses, next responses and resolutions took, by open time and by the wall clock."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import CTE, Double, Row, Select, cast, func, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from services.assignment.queries.access.callers import Caller
from services.assignment.queries.periods import Period
from services.assignment.reporting.clock_sums import consistently, find_counts
from services.assignment.reporting.counted_clocks import times_from_counts
from services.assignment.reporting.duration_buckets import HISTOGRAM, spans
from services.assignment.reporting.settled_clocks import (
    group_id,
    group_names,
    group_place,
    judged_entries,
    period_before,
)
from services.assignment.schemas.report_times import (
    Durations,
    GroupTimes,
    Histogram,
    HistogramBucket,
    MetricTimes,
    TimesReport,
)
from services.assignment.schemas.reports import GroupBy
from shared.contracts.vocabulary import Metric
from shared.kit.db import Session

MEASURES = {"business": "elapsed_seconds", "wall": "wall_seconds"}


async def get_times_report(session: Session, caller: Caller, period: Period, group_by: GroupBy) -> TimesReport:
    """Mean, median and 90th percentile per group and metric, the period before, and the distribution."""
    counted = await find_counts(session, caller, period)
    if counted is not None:
        return await consistently(
            session, counted, lambda mark: times_from_counts(session, caller, period, group_by, mark)
        )
    entries = judged_entries(caller, period, group_by)
    rows = (await session.execute(_measured(entries))).all()
    names = await group_names(session, group_by, {row.key for row in rows if not row.is_total})
    groups: dict[str | None, list[MetricTimes]] = {}
    for row in rows:
        if not row.is_total:
            groups.setdefault(row.key, []).append(_metric(row))
    items = [
        GroupTimes(id=group_id(group_by, key), name=names[key], metrics=_in_order(metrics))
        for key, metrics in sorted(groups.items(), key=lambda item: group_place(group_by, item[0], names[item[0]]))
    ]
    before = period_before(period)
    earlier = await session.execute(_measured(judged_entries(caller, before, GroupBy.PRIORITY)))
    return TimesReport(
        from_=period.since,
        to=period.until,
        time_zone=period.zone,
        group_by=group_by,
        precision="exact",
        items=items,
        total=_in_order(_metric(row) for row in rows if row.is_total),
        previous_total=_in_order(_metric(row) for row in earlier if row.is_total),
        histograms=await _histograms(session, entries),
    )


def _measured(entries: CTE) -> Select[Any]:
    columns = entries.c
    figures = [
        figure.label(f"{kind}_{name}")
        for kind, column in MEASURES.items()
        for name, figure in (
            ("mean", func.avg(columns[column])),
            ("median", func.percentile_cont(0.5).within_group(columns[column])),
            ("p90", func.percentile_cont(0.9).within_group(columns[column])),
        )
    ]
    return select(
        columns.key,
        columns.metric,
        (func.grouping(columns.key) == 1).label("is_total"),
        func.count().label("count"),
        *figures,
    ).group_by(func.grouping_sets(tuple_(columns.metric, columns.key), tuple_(columns.metric)))


async def _histograms(session: Session, entries: CTE) -> list[Histogram]:
    bounds = cast(list(HISTOGRAM), ARRAY(Double))
    counts: dict[tuple[str, str, int], int] = {}
    for kind, column in MEASURES.items():
        placed = select(
            entries.c.metric, func.width_bucket(cast(entries.c[column], Double), bounds).label("bucket")
        ).subquery()
        rows = await session.execute(select(placed, func.count().label("n")).group_by(*placed.c))
        counts |= {(row.metric, kind, row.bucket): row.n for row in rows}
    return [
        Histogram(
            metric=metric,
            buckets=[
                HistogramBucket(
                    from_seconds=start,
                    to_seconds=end,
                    business=counts.get((metric.value, "business", place), 0),
                    wall=counts.get((metric.value, "wall", place), 0),
                )
                for place, (start, end) in enumerate(spans())
            ],
        )
        for metric in Metric
        if any(found == metric.value for found, _, _ in counts)
    ]


def _metric(row: Row[Any]) -> MetricTimes:
    values = row._mapping
    business, wall = (
        Durations(
            mean_seconds=_seconds(values[f"{kind}_mean"]),
            median_seconds=_seconds(values[f"{kind}_median"]),
            p90_seconds=_seconds(values[f"{kind}_p90"]),
        )
        for kind in MEASURES
    )
    return MetricTimes(metric=Metric(row.metric), count=values["count"], business=business, wall=wall)


def _seconds(value: Any) -> float | None:
    return None if value is None else round(float(value), 6)


def _in_order(metrics: Iterable[MetricTimes]) -> list[MetricTimes]:
    return sorted(metrics, key=lambda one: list(Metric).index(one.metric))
