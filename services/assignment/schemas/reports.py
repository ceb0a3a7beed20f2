"""The SLA report as the API answers it."""

from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from services.assignment.schemas.activity import ReportInterval
from services.assignment.schemas.csv_tables import csv_table, text_cell
from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import Metric


class GroupBy(StrEnum):
    """What a report is broken down by."""

    TEAM = "team"
    AGENT = "agent"
    TOPIC = "topic"
    PRIORITY = "priority"
    CHANNEL = "channel"
    ORGANISATION = "organisation"


class MetricReport(View):
    """One metric's verdicts and running clocks; cancelled ones are left out of everything but their own count."""

    metric: Metric
    met: int
    breached: int
    """Breaches settled in the period, and those of `breached_running`."""
    breached_running: int
    """Clocks that fell due in the period and have not stopped yet."""
    cancelled: int
    attainment: float | None
    """Percent met of `met` and `breached`; null if there are none."""
    median_seconds: float | None
    p90_seconds: float | None
    overdue_now: int
    """Clocks past due when the report was made and not stopped yet, whenever they fell due."""
    running_in_time: int
    """Clocks that began in the period, run or pause, and are not past due."""


MEASURES = tuple(name for name in MetricReport.model_fields if name != "metric")


class AttainmentPoint(View):
    """One metric's counts in one interval of the series; the intervals add up to the period."""

    at: Instant
    """Where the interval begins; the first may begin before the period."""
    metric: Metric
    met: int = 0
    breached: int = 0
    breached_running: int = 0
    cancelled: int = 0
    attainment: float | None = None
    running_in_time: int = 0


class GroupReport(View):
    """The metrics of one team, agent, topic, priority, channel or organisation."""

    id: UUID | None
    name: str
    metrics: list[MetricReport]


class SlaReport(View):
    """The verdicts settled in a period, by the highest revision of each, and the clocks that still run."""

    model_config = ConfigDict(populate_by_name=True)

    from_: Instant = Field(serialization_alias="from")
    to: Instant
    """Not included."""
    time_zone: str
    """The zone that days of the question were taken in."""
    group_by: GroupBy
    interval: ReportInterval | None
    precision: Literal["exact", "bucketed"] = "exact"
    """`bucketed`: medians and 90th percentiles are right within 4 %, or a second; all else is always exact."""
    items: list[GroupReport]
    total: list[MetricReport]
    previous_total: list[MetricReport]
    """The same for the period of equal length just before; its `overdue_now` is that of now."""
    series: list[AttainmentPoint]

    def as_csv(self) -> str:
        """One row per group and metric, the overall ones first; then one per interval of the series and metric."""
        head = ("from", "to", "time_zone", "group_by", "id", "name", "metric", *MEASURES)
        period = (self.from_.isoformat(), self.to.isoformat(), self.time_zone)
        kind = self.group_by.value
        groups = (("total", "", "", self.total), *((kind, one.id or "", one.name, one.metrics) for one in self.items))
        rows = (
            (*period, group, id_, text_cell(name), metric.metric.value, *(getattr(metric, one) for one in MEASURES))
            for group, id_, name, metrics in groups
            for metric in metrics
        )
        points = (
            (*period, "interval", one.at.isoformat(), "", one.metric.value, *(getattr(one, m, "") for m in MEASURES))
            for one in self.series
        )
        return csv_table(head, *rows, *points)
