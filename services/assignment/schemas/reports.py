"""The SLA report as the API answers it."""

from enum import StrEnum
from uuid import UUID

from pydantic import ConfigDict, Field

from services.assignment.schemas.csv_tables import csv_table, text_cell
from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import Metric


class GroupBy(StrEnum):
    """What a report is broken down by."""

    TEAM = "team"
    AGENT = "agent"
    PRIORITY = "priority"


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


class GroupReport(View):
    """The metrics of one team, agent or priority."""

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
    items: list[GroupReport]
    total: list[MetricReport]

    def as_csv(self) -> str:
        """The same as a table, one row per group and metric, the overall ones first."""
        head = ("from", "to", "time_zone", "group_by", "id", "name", "metric", *MEASURES)
        period = (self.from_.isoformat(), self.to.isoformat(), self.time_zone)
        kind = self.group_by.value
        groups = (("total", "", "", self.total), *((kind, one.id or "", one.name, one.metrics) for one in self.items))
        rows = (
            (*period, group, id_, text_cell(name), metric.metric.value, *(getattr(metric, one) for one in MEASURES))
            for group, id_, name, metrics in groups
            for metric in metrics
        )
        return csv_table(head, *rows)
