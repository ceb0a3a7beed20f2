"""Pages of the time report and of the tickets behind a figure."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request, Response

from services.assignment.api.report_times import Counted, Page
from services.assignment.api.reports import Asked, csv_file
from services.assignment.deps import State
from services.assignment.errors import not_permitted
from services.assignment.queries.access.callers import Caller
from services.assignment.reporting.counted_tickets import get_counted_tickets
from services.assignment.reporting.times import get_times_report
from services.assignment.schemas.report_times import TimesReport
from services.assignment.web.activity_reports import make_report, page_address, report_page, table_file
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from services.assignment.web.reports import GROUPS, Form, ReportRequest
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.db import Session
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

router = HttpRouter(prefix="/reports", route_class=DeskPageRoute)


async def _times(context: State, caller: Caller, asked: ReportRequest) -> tuple[TimesReport | None, str]:
    async def make(session: Session, caller: Caller) -> TimesReport:
        return await get_times_report(session, caller, asked.period, asked.group_by)

    return await make_report(context, caller, make)


@router.get("/times")
async def show_times(request: Request, desk: TheDesk, context: State, caller: DeskAgent, asked: Form) -> Response:
    """How long first responses, next responses and resolutions took, and how that is distributed."""
    report, error = await _times(context, caller, asked)
    tabs = [
        (page_address("times", asked, group_by=one.value), gettext(name), one is asked.group_by)
        for one, name in GROUPS.items()
    ]
    previous = {one.metric: one for one in report.previous_total} if report else {}
    return await report_page(
        request, desk, context, caller, "times", asked, report=report, error=error, tabs=tabs, previous=previous
    )


@router.get("/times.csv")
async def download_times(context: State, caller: DeskAgent, asked: Form) -> Response:
    """The figures of the page as a table."""
    return table_file("times", *await _times(context, caller, asked))


@router.get("/tickets")
async def show_tickets(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    period: Asked,
    figure: Counted,
    page: Page = 1,
    back: Annotated[str, Query(max_length=2000, pattern=r"^/reports(/[a-z-]+)?(\?[^\s\\]*)?$")] = "/reports",
) -> Response:
    """The tickets behind a figure."""
    _check(caller)
    async with context.database.begin() as session:
        lines = await get_counted_tickets(session, caller, period, figure, page)
    given = {name: value for name, value in request.query_params.items() if name != "page"}
    return desk.render(
        request,
        "reports/tickets.html",
        caller,
        lines=lines,
        figure=figure,
        period=period,
        back=back,
        next_url=f"/reports/tickets?{urlencode(given | {'page': page + 1})}" if lines.has_more else None,
        previous_url=f"/reports/tickets?{urlencode(given | {'page': page - 1})}" if page > 1 else None,
        table_url=f"/reports/tickets.csv?{request.url.query}",
    )


@router.get("/tickets.csv")
async def download_tickets(
    context: State, caller: DeskAgent, period: Asked, figure: Counted, page: Page = 1
) -> Response:
    """The lines of the page as a table."""
    _check(caller)
    async with context.database.begin() as session:
        return csv_file("tickets", await get_counted_tickets(session, caller, period, figure, page))


def _check(caller: Caller) -> None:
    if not holds(caller.principal, Permission.REPORT_VIEW):
        raise not_permitted(Permission.REPORT_VIEW)
