"""SLA and time reports over long periods, made from the counts of verdicts."""

from collections.abc import Iterable, Mapping

from services.assignment.queries.access.callers import Caller
from services.assignment.queries.periods import Period
from services.assignment.reporting.clock_sums import (
    BUSINESS,
    ClockSums,
    CountedUntil,
    Key,
    step_clocks,
    sum_clocks,
    total_of,
)
from services.assignment.reporting.duration_buckets import histogram, percentile, spans
from services.assignment.reporting.settled_clocks import group_id, group_names, group_place, period_before
from services.assignment.reporting.steps import attainment_of, interval_starts
from services.assignment.schemas.activity import ReportInterval
from services.assignment.schemas.report_times import (
    Durations,
    GroupTimes,
    Histogram,
    HistogramBucket,
    MetricTimes,
    TimesReport,
)
from services.assignment.schemas.reports import AttainmentPoint, GroupBy, GroupReport, MetricReport, SlaReport
from shared.contracts.vocabulary import Metric
from shared.kit.db import Session

Figures = dict[Key, ClockSums]


async def sla_from_counts(
    session: Session,
    caller: Caller,
    period: Period,
    group_by: GroupBy,
    interval: ReportInterval | None,
    counted: CountedUntil,
) -> SlaReport:
    """The SLA report; medians and 90th percentiles within the fine buckets. Raises Problem 422."""
    sums = await sum_clocks(session, caller, period, counted, group_by, BUSINESS)
    before = await sum_clocks(session, caller, period_before(period), counted, None, BUSINESS)
    total = total_of(sums)
    groups = await _groups(session, group_by, sums)
    return SlaReport(
        from_=period.since,
        to=period.until,
        time_zone=period.zone,
        group_by=group_by,
        interval=interval,
        precision="bucketed",
        items=[
            GroupReport(id=group_id(group_by, key), name=name, metrics=[_attainment(*one) for one in _of(sums, key)])
            for key, name in groups
        ],
        total=[_attainment(*one) for one in _of(total, None)],
        previous_total=[_attainment(*one) for one in _of(before, None)],
        series=await _series(session, caller, period, interval, counted),
    )


async def times_from_counts(
    session: Session, caller: Caller, period: Period, group_by: GroupBy, counted: CountedUntil
) -> TimesReport:
    """The time report; medians and 90th percentiles within the fine buckets."""
    sums = await sum_clocks(session, caller, period, counted, group_by)
    before = await sum_clocks(session, caller, period_before(period), counted, None)
    total = total_of(sums)
    groups = await _groups(session, group_by, {key: one for key, one in sums.items() if one.judged})
    return TimesReport(
        from_=period.since,
        to=period.until,
        time_zone=period.zone,
        group_by=group_by,
        precision="bucketed",
        items=[
            GroupTimes(id=group_id(group_by, key), name=name, metrics=_times(_of(sums, key))) for key, name in groups
        ],
        total=_times(_of(total, None)),
        previous_total=_times(_of(before, None)),
        histograms=[_histogram(metric, one) for metric, one in _of(total, None) if one.judged],
    )


async def _groups(session: Session, group_by: GroupBy, sums: Mapping[Key, ClockSums]) -> list[tuple[str | None, str]]:
    names = await group_names(session, group_by, {key for key, _ in sums})
    keys = {key for key, _ in sums}
    return sorted(((key, names[key]) for key in keys), key=lambda one: group_place(group_by, *one))


def _of(sums: Figures, key: str | None) -> list[tuple[Metric, ClockSums]]:
    return [(metric, sums[key, metric.value]) for metric in Metric if (key, metric.value) in sums]


def _attainment(metric: Metric, one: ClockSums) -> MetricReport:
    breached = one.breached + one.breached_running
    return MetricReport(
        metric=metric,
        met=one.met,
        breached=breached,
        breached_running=one.breached_running,
        cancelled=one.cancelled,
        attainment=attainment_of(one.met, breached),
        median_seconds=percentile(one.business, 0.5),
        p90_seconds=percentile(one.business, 0.9),
        overdue_now=one.overdue_now,
        running_in_time=one.running_in_time,
    )


async def _series(
    session: Session, caller: Caller, period: Period, interval: ReportInterval | None, counted: CountedUntil
) -> list[AttainmentPoint]:
    if interval is None:
        return []
    starts = await interval_starts(session, period, interval)
    sums = await step_clocks(session, caller, period, counted, interval.value)
    metrics = [metric for metric in Metric if any(found == metric.value for _, found in sums)]
    points = []
    for start in starts:
        for metric in metrics:
            one = sums.get((start, metric.value), ClockSums())
            breached = one.breached + one.breached_running
            points.append(
                AttainmentPoint(
                    at=start,
                    metric=metric,
                    met=one.met,
                    breached=breached,
                    breached_running=one.breached_running,
                    cancelled=one.cancelled,
                    attainment=attainment_of(one.met, breached),
                    running_in_time=one.running_in_time,
                )
            )
    return points


def _times(figures: Iterable[tuple[Metric, ClockSums]]) -> list[MetricTimes]:
    return [
        MetricTimes(
            metric=metric,
            count=one.judged,
            business=_durations(one.business, one.business_seconds),
            wall=_durations(one.wall, one.wall_seconds),
        )
        for metric, one in figures
        if one.judged
    ]


def _durations(counts: Mapping[int, int], seconds: float) -> Durations:
    return Durations(
        mean_seconds=round(seconds / sum(counts.values()), 6),
        median_seconds=percentile(counts, 0.5),
        p90_seconds=percentile(counts, 0.9),
    )


def _histogram(metric: Metric, one: ClockSums) -> Histogram:
    buckets = zip(spans(), histogram(one.business), histogram(one.wall), strict=True)
    return Histogram(
        metric=metric,
        buckets=[
            HistogramBucket(from_seconds=start, to_seconds=end, business=business, wall=wall)
            for (start, end), business, wall in buckets
        ],
    )
