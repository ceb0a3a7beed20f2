"""The reports by name: what each is called, which parameters it takes, and how it is made.

Whatever lists, saves or sends reports goes through this table. A report is a Pydantic model with `as_csv()`; its page
is `/reports/<name>` (`/reports` for `sla`) with the parameters as the query.
"""

import csv
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Protocol
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from services.assignment.queries.access.callers import Caller
from services.assignment.queries.periods import Period, period_of
from services.assignment.queries.time_travel.open_tickets import OpenAt
from services.assignment.reporting.activity import get_activity_report, get_arrival_report
from services.assignment.reporting.attainment import get_sla_report
from services.assignment.reporting.held import get_held_report
from services.assignment.reporting.open_tickets import get_backlog_report, get_workload_report
from services.assignment.reporting.satisfaction import get_satisfaction_report
from services.assignment.reporting.times import get_times_report
from services.assignment.schemas.activity import Dimension, ReportInterval
from services.assignment.schemas.held import TicketHolder
from services.assignment.schemas.reports import GroupBy
from services.assignment.schemas.satisfaction import SatisfactionDimension
from shared.kit.clock import utc_now
from shared.kit.db import Session

USUAL_DAYS = 30


class ReportAnswer(Protocol):
    """What a report answers: JSON by Pydantic, and a table."""

    def as_csv(self) -> str:
        """Returns the table as CSV."""

    def model_dump_json(self) -> str:
        """Returns the report as JSON."""


class ReportParameters(BaseModel):
    """What a report is asked for. What a report does not know of is not looked at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: int = Field(default=USUAL_DAYS, ge=1, le=3660)
    """How far back from now, where neither `first` nor `last` is given."""
    first: date | datetime | None = None
    last: date | datetime | None = None
    """Included if it is a day."""
    time_zone: str = Field(default="UTC", max_length=64)
    team: str | None = Field(default=None, max_length=64)
    """Id or slug."""
    agent: str | None = Field(default=None, max_length=254)
    group_by: GroupBy = GroupBy.TEAM
    interval: ReportInterval | None = None

    def period(self, now: datetime) -> Period:
        """The period that is meant, as of `now`. Raises InvalidPeriod."""
        if self.first is None and self.last is None:
            first: date | datetime | None = now - timedelta(days=self.days)
            return period_of(first, now, self.time_zone, team=self.team, agent=self.agent)
        return period_of(self.first, self.last, self.time_zone, team=self.team, agent=self.agent)

    @property
    def dimension(self) -> Dimension:
        """What activity is broken down by; `team` where it has no such dimension."""
        return Dimension(self.group_by.value) if self.group_by.value in set(Dimension) else Dimension.TEAM

    @property
    def rated_by(self) -> SatisfactionDimension:
        """What satisfaction is broken down by; `team` where it has no such dimension."""
        is_known = self.group_by.value in set(SatisfactionDimension)
        return SatisfactionDimension(self.group_by.value) if is_known else SatisfactionDimension.TEAM


Maker = Callable[[Session, Caller, ReportParameters], Awaitable[ReportAnswer]]


@dataclass(frozen=True, slots=True)
class ReportKind:
    """One report."""

    name: str
    title: str
    make: Maker
    """Counts what the caller's `report.view` permission reaches. The permission itself is checked before."""
    is_as_of_now: bool = False
    """Whether it says how things are now: it has no period."""
    group_parameter: str = "by"
    """What the page calls what it is broken down by."""

    def address(self, asked: ReportParameters) -> str:
        """The page of the report with these parameters."""
        bounds = {"from": asked.first, "to": asked.last} if asked.first or asked.last else {"days": asked.days}
        said = {self.group_parameter: asked.group_by.value, **bounds, "tz": asked.time_zone, "team": asked.team}
        said["interval"] = asked.interval.value if asked.interval else None
        path = "/reports" if self.name == "sla" else f"/reports/{self.name}"
        return f"{path}?{urlencode({name: value for name, value in said.items() if value})}"


def table_of_report(report: ReportAnswer) -> list[list[str]]:
    """The report's table, its head first, as texts: for mails."""
    return list(csv.reader(StringIO(report.as_csv())))


async def _sla(session: Session, caller: Caller, asked: ReportParameters) -> ReportAnswer:
    return await get_sla_report(session, caller, asked.period(utc_now()), asked.group_by, asked.interval)


async def _times(session: Session, caller: Caller, asked: ReportParameters) -> ReportAnswer:
    return await get_times_report(session, caller, asked.period(utc_now()), asked.group_by)


async def _activity(session: Session, caller: Caller, asked: ReportParameters) -> ReportAnswer:
    return await get_activity_report(session, caller, asked.period(utc_now()), asked.dimension, asked.interval)


async def _arrivals(session: Session, caller: Caller, asked: ReportParameters) -> ReportAnswer:
    return await get_arrival_report(session, caller, asked.period(utc_now()))


async def _csat(session: Session, caller: Caller, asked: ReportParameters) -> ReportAnswer:
    return await get_satisfaction_report(session, caller, asked.period(utc_now()), asked.rated_by, asked.interval)


async def _held(session: Session, caller: Caller, asked: ReportParameters) -> ReportAnswer:
    by = TicketHolder.AGENT if asked.group_by is GroupBy.AGENT else TicketHolder.TEAM
    return await get_held_report(session, caller, asked.period(utc_now()), by)


async def _backlog(session: Session, caller: Caller, asked: ReportParameters) -> ReportAnswer:
    return await get_backlog_report(session, caller, asked.team, asked.dimension, OpenAt(utc_now()))


async def _workload(session: Session, caller: Caller, asked: ReportParameters) -> ReportAnswer:
    return await get_workload_report(session, caller, asked.team, OpenAt(utc_now()))


REPORTS: Mapping[str, ReportKind] = {
    kind.name: kind
    for kind in (
        ReportKind("sla", "SLA", _sla, group_parameter="group_by"),
        ReportKind("times", "Times", _times, group_parameter="group_by"),
        ReportKind("activity", "Activity", _activity),
        ReportKind("arrivals", "Arrivals", _arrivals),
        ReportKind("csat", "Satisfaction", _csat),
        ReportKind("held", "Time in status", _held),
        ReportKind("backlog", "Backlog", _backlog, is_as_of_now=True),
        ReportKind("workload", "Workload", _workload, is_as_of_now=True),
    )
}
