"""The desk's SLA report: attainment by team, agent or priority."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Depends, Query, Request, Response

from services.assignment.api.reports import YEARS, csv_file
from services.assignment.deps import State
from services.assignment.errors import not_permitted
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import list_teams
from services.assignment.queries.periods import InvalidPeriod, Period, period_of, zone_called
from services.assignment.reporting.attainment import get_sla_report
from services.assignment.schemas.activity import ReportInterval
from services.assignment.schemas.reports import AttainmentPoint, GroupBy, SlaReport
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from shared.contracts.vocabulary import Metric, Permission
from shared.domain.permissions import holds
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, marked, translated_options

router = HttpRouter(route_class=DeskPageRoute)
UNPROCESSABLE = 422

PERIODS: Mapping[str, tuple[str, timedelta]] = {
    "1": (marked("Last 24 hours"), timedelta(days=1)),
    "7": (marked("Last 7 days"), timedelta(days=7)),
    "30": (marked("Last 30 days"), timedelta(days=30)),
    "90": (marked("Last 90 days"), timedelta(days=90)),
    "365": (marked("Last 12 months"), timedelta(days=365)),
}
GROUPS: Mapping[GroupBy, str] = {
    GroupBy.TEAM: marked("Teams"),
    GroupBy.AGENT: marked("Agents"),
    GroupBy.TOPIC: marked("Topics"),
    GroupBy.PRIORITY: marked("Priorities"),
    GroupBy.CHANNEL: marked("Channels"),
    GroupBy.ORGANISATION: marked("Organisations"),
}
DAYS_PER_STEP: Mapping[ReportInterval, int] = {
    ReportInterval.HOUR: 2,
    ReportInterval.DAY: 92,
    ReportInterval.WEEK: 400,
}
"""Up to how many days a chart has a bar for each hour, day or week, where nobody chooses."""
STEPS = (
    (ReportInterval.HOUR.value, marked("Per hour")),
    (ReportInterval.DAY.value, marked("Per day")),
    (ReportInterval.WEEK.value, marked("Per week")),
    (ReportInterval.MONTH.value, marked("Per month")),
)
UNITS = (
    marked("hour"),
    marked("day"),
    marked("week"),
    marked("month"),
    marked("team"),
    marked("agent"),
    marked("topic"),
    marked("priority"),
    marked("channel"),
    marked("organisation"),
)
"""What pages name by its value: the steps of charts, and what a report is broken down by."""
CHANNELS = (
    marked("Portal"),
    marked("Mail"),
    marked("Api"),
    marked("Widget"),
    marked("Alert"),
    marked("Agent"),
    marked("Not known"),
)
"""Names of channels as reports write them."""


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What the form says: days of the reader's zone, or else how far back from now; nonsense counts for nothing."""

    days: str
    first: date | None
    last: date | None
    zone: str
    team: str
    group_by: GroupBy
    interval: ReportInterval | None = None

    @property
    def step(self) -> ReportInterval:
        """The steps of charts: as chosen, or as the period is long. Raises InvalidPeriod."""
        if self.interval is not None:
            return self.interval
        period = self.period
        days = (period.until - period.since).days
        return next((step for step, most in DAYS_PER_STEP.items() if days <= most), ReportInterval.MONTH)

    @property
    def period(self) -> Period:
        """Raises InvalidPeriod."""
        if self.first or self.last:
            return period_of(self.first, self.last, self.zone, team=self.team or None)
        return period_of(utc_now() - PERIODS[self.days][1], None, self.zone, team=self.team or None)

    def query(self, group_by: GroupBy) -> str:
        """The same question, broken down in another way."""
        bounds = {"from": self.first, "to": self.last} if self.first or self.last else {"days": self.days}
        step = self.interval.value if self.interval else ""
        said = {"group_by": group_by.value, **bounds, "tz": self.zone, "team": self.team, "interval": step}
        return urlencode({name: value for name, value in said.items() if value})


def _report_request(
    context: State,
    days: str = "30",
    from_: Annotated[str, Query(alias="from")] = "",
    to: str = "",
    tz: str = "",
    group_by: str = GroupBy.TEAM.value,
    team: str = "",
    interval: str = "",
) -> ReportRequest:
    return ReportRequest(
        days if days in PERIODS else "30",
        _day(from_),
        _day(to),
        tz if _is_zone(tz) else context.settings.time_zone,
        team if team.isprintable() and len(team) <= 64 else "",
        GroupBy(group_by) if group_by in set(GroupBy) else GroupBy.TEAM,
        ReportInterval(interval) if interval in set(ReportInterval) else None,
    )


Form = Annotated[ReportRequest, Depends(_report_request)]


@router.get("/reports")
async def show_reports(request: Request, desk: TheDesk, context: State, caller: DeskAgent, asked: Form) -> Response:
    """Attainment bars with the numbers behind them."""
    report, error = None, ""
    async with context.database.begin() as session:
        teams = await list_teams(session)
        try:
            report = await _report(session, caller, asked, asked.step)
        except InvalidPeriod as wrong:
            error = str(wrong)
        except Problem as problem:
            if problem.status != UNPROCESSABLE:
                raise
            error = problem.detail or ""
    return desk.render(
        request,
        "reports.html",
        caller,
        400 if error else 200,
        report=report,
        error=error,
        asked=asked,
        charts=charts_of(report) if report else {},
        previous={one.metric: one for one in report.previous_total} if report else {},
        steps=translated_options(STEPS),
        tabs=[(f"/reports?{asked.query(one)}", gettext(name), one is asked.group_by) for one, name in GROUPS.items()],
        table_url=f"/reports.csv?{asked.query(asked.group_by)}",
        periods=[(value, gettext(name)) for value, (name, _) in PERIODS.items()],
        teams=[(one.slug, one.name) for one in teams],
    )


@router.get("/reports.csv")
async def download_report(context: State, caller: DeskAgent, asked: Form) -> Response:
    """The figures of the page as a table."""
    async with context.database.begin() as session:
        try:
            return csv_file(f"sla-{asked.group_by.value}", await _report(session, caller, asked, asked.interval))
        except InvalidPeriod as wrong:
            raise Problem(422, "invalid_input", str(wrong)) from wrong


async def _report(session: Session, caller: Caller, asked: ReportRequest, interval: ReportInterval | None) -> SlaReport:
    if not holds(caller.principal, Permission.REPORT_VIEW):
        raise not_permitted(Permission.REPORT_VIEW)
    return await get_sla_report(session, caller, asked.period, asked.group_by, interval)


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One interval of a chart, with the instants that its figures are counted between."""

    label: str
    since: datetime
    until: datetime
    point: AttainmentPoint


def charts_of(report: SlaReport) -> dict[Metric, list[ChartBar]]:
    """The bars of each metric's chart."""
    charts: dict[Metric, list[ChartBar]] = {}
    starts = sorted({point.at for point in report.series})
    ends = dict(zip(starts, [*starts[1:], report.to], strict=True)) if starts else {}
    for point in report.series:
        label = interval_label(point.at, report.time_zone, report.interval)
        bar = ChartBar(label, max(point.at, report.from_), ends[point.at], point)
        charts.setdefault(point.metric, []).append(bar)
    return charts


def interval_label(at: datetime, zone: str, interval: ReportInterval | None) -> str:
    """What an interval is called on a chart, in the zone of the report; an hour that comes twice names its offset."""
    local = at.astimezone(ZoneInfo(zone))
    formats = {ReportInterval.HOUR: "%d %b %H:%M", ReportInterval.MONTH: "%b %Y"}
    label = local.strftime(formats.get(interval or ReportInterval.DAY, "%d %b"))
    is_twice = (
        interval is ReportInterval.HOUR and local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    )
    return f"{label} {local.strftime('%z')}" if is_twice else label


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in YEARS else None


def _is_zone(name: str) -> bool:
    try:
        return bool(zone_called(name))
    except InvalidPeriod:
        return False
