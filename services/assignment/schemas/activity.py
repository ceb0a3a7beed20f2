"""Response models of the activity, arrival, backlog and workload reports."""

from collections.abc import Iterable
from enum import StrEnum

from pydantic import ConfigDict, Field, computed_field

from services.assignment.schemas.csv_tables import csv_table, text_cell
from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant


class Dimension(StrEnum):
    """What activity is broken down by."""

    TEAM = "team"
    AGENT = "agent"
    TOPIC = "topic"
    PRIORITY = "priority"
    CHANNEL = "channel"


class ReportInterval(StrEnum):
    """The steps of a series, in the report's time zone; weeks begin on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class ActivityCounts(View):
    """How often each happened. A resolved ticket counts again when it is resolved after a reopening."""

    opened: int = 0
    assigned: int = 0
    transferred: int = 0
    """To the team that got the ticket."""
    overdue: int = 0
    """SLA breaches."""
    withdrawn: int = 0
    """Breaches taken back, because a fact that came late showed that there was none; `overdue` still counts them."""
    resolved: int = 0
    closed: int = 0
    reopened: int = 0
    replies: int = 0
    """Public replies by agents and programs."""
    one_touch: int = 0
    """Of `resolved`: with at most one reply before, and never reopened."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def replies_per_resolution(self) -> float | None:
        """Replies of the period for each resolution in it; null without any."""
        return round(self.replies / self.resolved, 2) if self.resolved else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def one_touch_share(self) -> float | None:
        """Percent of the resolutions that took at most one reply; null without any."""
        return round(100 * self.one_touch / self.resolved, 1) if self.resolved else None


COUNTS = tuple(ActivityCounts.model_fields)


class ActivityGroup(ActivityCounts):
    """The counts of one team, agent, topic, priority or channel."""

    id: str | None
    """Null for tickets without a team, agent or topic."""
    name: str


class ActivityPoint(ActivityCounts):
    """The counts of one interval of the series."""

    at: Instant
    """Where the interval begins; the first may begin before the period."""


class ReportPeriod(View):
    """The period of a report: [from, to) and the zone whose days it has."""

    model_config = ConfigDict(populate_by_name=True)

    from_: Instant = Field(serialization_alias="from")
    to: Instant
    time_zone: str


class ActivityReport(ReportPeriod):
    """What happened to tickets in a period."""

    group_by: Dimension
    interval: ReportInterval | None
    items: list[ActivityGroup]
    total: ActivityCounts
    previous_total: ActivityCounts
    """The same for the period of equal length just before."""
    series: list[ActivityPoint]

    def as_csv(self) -> str:
        """One row per group, the total first, then one row per interval of the series."""
        period = (self.from_.isoformat(), self.to.isoformat(), self.time_zone)
        total, items = ("total", "", "", self.total), ((self.group_by.value, g.id or "", g.name, g) for g in self.items)
        points = (("interval", point.at.isoformat(), "", point) for point in self.series)
        rows = ((*period, kind, id_, text_cell(name), *_counts(of)) for kind, id_, name, of in (total, *items, *points))
        return csv_table(("from", "to", "time_zone", "row", "id", "name", *COUNTS), *rows)


class ArrivalCell(View):
    """Tickets opened in one hour of the week."""

    weekday: int
    """1 is Monday, 7 Sunday."""
    hour: int
    opened: int


class ArrivalReport(ReportPeriod):
    """When tickets come, by weekday and hour of the report's time zone; hours without any are left out."""

    total: int
    items: list[ArrivalCell]

    def as_csv(self) -> str:
        """One row per hour of the week."""
        period = (self.from_.isoformat(), self.to.isoformat(), self.time_zone)
        rows = ((*period, cell.weekday, cell.hour, cell.opened) for cell in self.items)
        return csv_table(("from", "to", "time_zone", "weekday", "hour", "opened"), *rows)


class BacklogGroup(View):
    """Open tickets of one group by age since they were opened, in days of 24 hours."""

    id: str | None
    name: str
    open: int
    under_1_day: int
    under_3_days: int
    under_7_days: int
    under_30_days: int
    older: int
    overdue: int
    """With an SLA clock past due."""
    oldest_opened_at: Instant | None


class BacklogReport(View):
    """Tickets that are neither resolved nor closed, as of now."""

    at: Instant
    group_by: Dimension
    items: list[BacklogGroup]
    total: BacklogGroup

    def as_csv(self) -> str:
        """One row per group, the total first."""
        return _as_of(self.at, (self.total, *self.items), BacklogGroup)


class WorkloadGroup(View):
    """What one agent has on their desk."""

    id: str | None
    """Null for tickets nobody is assigned to."""
    name: str
    open: int
    waiting: int
    """Of them pending or on hold."""
    urgent: int
    high: int
    normal: int
    low: int
    overdue: int
    due_within_1_hour: int
    due_within_24_hours: int


class WorkloadReport(View):
    """Open tickets by agent, as of now: the most loaded first."""

    at: Instant
    items: list[WorkloadGroup]
    total: WorkloadGroup

    def as_csv(self) -> str:
        """One row per agent, the total first."""
        return _as_of(self.at, (self.total, *self.items), WorkloadGroup)


def _counts(of: ActivityCounts) -> tuple[int, ...]:
    return tuple(getattr(of, name) for name in COUNTS)


def _as_of(at: Instant, groups: Iterable[View], model: type[View]) -> str:
    names = tuple(model.model_fields)
    values = ({**group.model_dump(mode="json")} for group in groups)
    rows = ((at.isoformat(), *(text_cell(v) if isinstance(v := one[n], str) else v for n in names)) for one in values)
    return csv_table(("at", *names), *rows)
