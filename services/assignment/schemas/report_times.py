"""The time report as the API answers it."""

from typing import Literal
from uuid import UUID

from services.assignment.schemas.activity import ReportPeriod
from services.assignment.schemas.csv_tables import csv_table, text_cell
from services.assignment.schemas.reports import GroupBy
from services.assignment.schemas.tickets import View
from shared.contracts.vocabulary import Metric


class Durations(View):
    """What a number of durations have in common, in seconds; null where there are none."""

    mean_seconds: float | None
    median_seconds: float | None
    p90_seconds: float | None


NONE = Durations(mean_seconds=None, median_seconds=None, p90_seconds=None)
FIGURES = tuple(Durations.model_fields)


class MetricTimes(View):
    """How long the clocks of one metric took that were met or breached in the period."""

    metric: Metric
    count: int
    business: Durations
    """Open time under each ticket's calendar, as the clock counts it: pauses are left out."""
    wall: Durations
    """Time by the wall clock, nights and pauses included."""


class GroupTimes(View):
    """The times of one team, agent, topic, priority, channel or organisation."""

    id: UUID | None
    name: str
    metrics: list[MetricTimes]


class HistogramBucket(View):
    """How many durations are at least `from_seconds` and less than `to_seconds`."""

    from_seconds: int
    to_seconds: int | None
    business: int
    wall: int


class Histogram(View):
    """The distribution of one metric's durations."""

    metric: Metric
    buckets: list[HistogramBucket]


class TimesReport(ReportPeriod):
    """How long first responses, next responses and resolutions took."""

    group_by: GroupBy
    precision: Literal["exact", "bucketed"]
    """`bucketed`: medians and 90th percentiles are right within 4 %, or a second; all else is always exact."""
    items: list[GroupTimes]
    total: list[MetricTimes]
    previous_total: list[MetricTimes]
    """The same for the period of equal length just before."""
    histograms: list[Histogram]

    def as_csv(self) -> str:
        """One row per group and metric, the overall ones first; then one per bucket of the histograms."""
        head = [*("from", "to", "time_zone", "row", "id", "name", "metric", "count")]
        head += [f"{kind}_{name}" for kind in ("business", "wall") for name in FIGURES]
        head += [*("bucket_from_seconds", "bucket_to_seconds", "business_count", "wall_count")]
        period = (self.from_.isoformat(), self.to.isoformat(), self.time_zone)
        groups = (
            ("total", "", "", self.total),
            *((self.group_by.value, one.id or "", one.name, one.metrics) for one in self.items),
        )
        rows = (
            (*period, kind, id_, text_cell(name), one.metric.value, one.count, *_cells(one), "", "", "", "")
            for kind, id_, name, metrics in groups
            for one in metrics
        )
        buckets = (
            (*period, "bucket", "", "", of.metric.value, *("",) * 7, b.from_seconds, b.to_seconds, b.business, b.wall)
            for of in self.histograms
            for b in of.buckets
        )
        return csv_table(head, *rows, *buckets)


def _cells(one: MetricTimes) -> tuple[float | None, ...]:
    return tuple(getattr(kind, name) for kind in (one.business, one.wall) for name in FIGURES)
