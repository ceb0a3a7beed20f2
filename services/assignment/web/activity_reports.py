"""Pages of the activity, arrival, backlog and workload reports."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request, Response

from services.assignment.api.reports import csv_file
from services.assignment.deps import State
from services.assignment.errors import not_permitted
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import list_teams
from services.assignment.queries.periods import InvalidPeriod
from services.assignment.queries.time_travel.open_tickets import OpenAt
from services.assignment.reporting.activity import get_activity_report, get_arrival_report
from services.assignment.reporting.backlog_history import get_backlog_history
from services.assignment.reporting.open_tickets import get_backlog_report, get_workload_report
from services.assignment.schemas.activity import ActivityReport, ArrivalReport, Dimension, ReportInterval
from services.assignment.schemas.backlog_history import BacklogHistory
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from services.assignment.web.reports import PERIODS, STEPS, Form, ReportRequest, interval_label
from services.assignment.web.weekdays import DAYS
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.db import Session
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, marked, translated_options

router = HttpRouter(prefix="/reports", route_class=DeskPageRoute)

BY = {
    Dimension.TEAM: marked("Teams"),
    Dimension.AGENT: marked("Agents"),
    Dimension.TOPIC: marked("Topics"),
    Dimension.PRIORITY: marked("Priorities"),
    Dimension.CHANNEL: marked("Channels"),
}


def _dimension(by: str = "") -> Dimension:
    return Dimension(by) if by in set(Dimension) else Dimension.TEAM


By = Annotated[Dimension, Depends(_dimension)]
Report = Any
Maker = Callable[[Session, Caller], Awaitable[Report]]


async def make_report(context: State, caller: Caller, make: Maker) -> tuple[Report | None, str]:
    """The report, or why the form asks for none. Raises Problem 403."""
    if not holds(caller.principal, Permission.REPORT_VIEW):
        raise not_permitted(Permission.REPORT_VIEW)
    try:
        async with context.database.begin() as session:
            return await make(session, caller), ""
    except InvalidPeriod as wrong:
        return None, str(wrong)
    except Problem as problem:
        if problem.status != 422:
            raise
        return None, problem.detail or ""


def _activity(asked: ReportRequest, by: Dimension) -> Maker:
    async def make(session: Session, caller: Caller) -> ActivityReport:
        return await get_activity_report(session, caller, asked.period, by, asked.step)

    return make


def _arrivals(asked: ReportRequest) -> Maker:
    async def make(session: Session, caller: Caller) -> ArrivalReport:
        return await get_arrival_report(session, caller, asked.period)

    return make


@router.get("/activity")
async def show_activity(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, asked: Form, by: By
) -> Response:
    """What happened to tickets, per group and over time, beside the period before."""
    report, error = await make_report(context, caller, _activity(asked, by))
    tabs = [(page_address("activity", asked, by=one.value), gettext(name), one is by) for one, name in BY.items()]
    series = _bars(report) if report else []
    return await report_page(
        request, desk, context, caller, "activity", asked, report=report, error=error, by=by, tabs=tabs, series=series
    )


@router.get("/activity.csv")
async def download_activity(context: State, caller: DeskAgent, asked: Form, by: By) -> Response:
    """The figures of the page as a table."""
    return table_file("activity", *await make_report(context, caller, _activity(asked, by)))


@router.get("/arrivals")
async def show_arrivals(request: Request, desk: TheDesk, context: State, caller: DeskAgent, asked: Form) -> Response:
    """A heat map of opened tickets by weekday and hour."""
    report, error = await make_report(context, caller, _arrivals(asked))
    cells = {(cell.weekday, cell.hour): cell.opened for cell in report.items} if report else {}
    most = max(cells.values(), default=0)
    rows = [
        (name, [(hour, n := cells.get((day, hour), 0), round(n / most, 2) if most else 0) for hour in range(24)])
        for day, name in enumerate(DAYS.values(), 1)
    ]
    return await report_page(
        request, desk, context, caller, "arrivals", asked, report=report, error=error, rows=rows, most=most
    )


@router.get("/arrivals.csv")
async def download_arrivals(context: State, caller: DeskAgent, asked: Form) -> Response:
    """The figures of the page as a table."""
    return table_file("arrivals", *await make_report(context, caller, _arrivals(asked)))


@router.get("/backlog")
async def show_backlog(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, asked: Form, by: By
) -> Response:
    """Open tickets by age, now and over time."""
    report, error = await make_report(context, caller, _backlog(asked, by))
    history, wrong = await make_report(context, caller, backlog_history(asked, by))
    tabs = [(page_address("backlog", asked, by=one.value), gettext(name), one is by) for one, name in BY.items()]
    labels = [interval_label(one.at, history.days_of, ReportInterval.DAY) for one in history.points] if history else []
    return await report_page(
        request,
        desk,
        context,
        caller,
        "backlog",
        asked,
        report=report,
        error=error or wrong,
        by=by,
        tabs=tabs,
        history=history,
        labels=labels,
        history_url=page_address("backlog-history.csv", asked, by=by.value),
    )


@router.get("/backlog.csv")
async def download_backlog(context: State, caller: DeskAgent, asked: Form, by: By) -> Response:
    """The figures of the page as a table."""
    return table_file("backlog", *await make_report(context, caller, _backlog(asked, by)))


@router.get("/workload")
async def show_workload(request: Request, desk: TheDesk, context: State, caller: DeskAgent, asked: Form) -> Response:
    """Open tickets by agent."""
    report, error = await make_report(context, caller, _workload(asked))
    return await report_page(request, desk, context, caller, "workload", asked, report=report, error=error, is_now=True)


@router.get("/workload.csv")
async def download_workload(context: State, caller: DeskAgent, asked: Form) -> Response:
    """The figures of the page as a table."""
    return table_file("workload", *await make_report(context, caller, _workload(asked)))


def _backlog(asked: ReportRequest, by: Dimension) -> Maker:
    async def make(session: Session, caller: Caller) -> Report:
        return await get_backlog_report(session, caller, asked.team or None, by, OpenAt.of(None))

    return make


def backlog_history(asked: ReportRequest, by: Dimension) -> Maker:
    """Makes the report of the backlog over time."""

    async def make(session: Session, caller: Caller) -> BacklogHistory:
        return await get_backlog_history(session, caller, asked.period, by, asked.step)

    return make


def _workload(asked: ReportRequest) -> Maker:
    async def make(session: Session, caller: Caller) -> Report:
        return await get_workload_report(session, caller, asked.team or None, OpenAt.of(None))

    return make


def table_file(name: str, report: Report | None, error: str) -> Response:
    """Raises Problem 422 for a period that is none."""
    if report is None:
        raise Problem(422, "invalid_input", error)
    return csv_file(name, report)


async def report_page(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: Caller,
    name: str,
    asked: ReportRequest,
    *,
    error: str,
    is_now: bool = False,
    **values: Any,
) -> Response:
    async with context.database.begin() as session:
        teams = [(one.slug, one.name) for one in await list_teams(session)]
    by = {"by": values["by"].value} if "by" in values else {}
    return desk.render(
        request,
        f"reports/{name}.html",
        caller,
        400 if error else 200,
        name=name,
        asked=asked,
        error=error,
        is_now=is_now,
        teams=teams,
        steps=translated_options(STEPS),
        periods=[(value, gettext(label)) for value, (label, _) in PERIODS.items()],
        table_url=page_address(f"{name}.csv", asked, **by),
        **{"by": None, "tabs": (), **values},
    )


def page_address(page: str, asked: ReportRequest, **more: str) -> str:
    """The same question on another page."""
    bounds = {"from": asked.first, "to": asked.last} if asked.first or asked.last else {"days": asked.days}
    step = asked.interval.value if asked.interval else ""
    said = {**more, **bounds, "tz": asked.zone, "team": asked.team, "interval": step}
    return f"/reports/{page}?{urlencode({name: value for name, value in said.items() if value})}"


def _bars(report: ActivityReport) -> list[tuple[str, int, int]]:
    """The label of each interval, and how many tickets were opened and resolved in it."""
    return [
        (interval_label(point.at, report.time_zone, report.interval), point.opened, point.resolved)
        for point in report.series
    ]
