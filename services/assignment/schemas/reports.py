"""The SLA report as the API answers it."""

from csv import writer
from enum import StrEnum
from io import StringIO
from uuid import UUID

from pydantic import ConfigDict, Field

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
        text = StringIO()
        table = writer(text)
        table.writerow(("from", "to", "time_zone", "group_by", "id", "name", "metric", *MEASURES))
        period = (self.from_.isoformat(), self.to.isoformat(), self.time_zone)
        for id_, name, metrics in (
            ("", "", self.total),
            *((one.id or "", one.name, one.metrics) for one in self.items),
        ):
            group = self.group_by.value if metrics is not self.total else "total"
            for metric in metrics:
                figures = (getattr(metric, measure) for measure in MEASURES)
                table.writerow((*period, group, id_, no_formula(name), metric.metric.value, *figures))
        return text.getvalue()


def no_formula(name: str) -> str:
    """A name that a spreadsheet does not compute: one of a team could begin as a formula does."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name
