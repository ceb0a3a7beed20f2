"""Pages of the report on time in statuses, and the table of how the backlog developed."""

from typing import Annotated

from fastapi import Depends, Request, Response

from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.reporting.held import get_held_report
from services.assignment.schemas.held import HeldReport, TicketHolder
from services.assignment.web.activity_reports import (
    By,
    backlog_history,
    make_report,
    page_address,
    report_page,
    table_file,
)
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from services.assignment.web.reports import Form, ReportRequest
from shared.kit.db import Session
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, marked

router = HttpRouter(prefix="/reports", route_class=DeskPageRoute)
HOLDERS = {TicketHolder.TEAM: marked("Teams"), TicketHolder.AGENT: marked("Agents")}


def _holders(by: str = "") -> TicketHolder:
    return TicketHolder(by) if by in set(TicketHolder) else TicketHolder.TEAM


ByHolder = Annotated[TicketHolder, Depends(_holders)]


@router.get("/held")
async def show_held(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, asked: Form, by: ByHolder
) -> Response:
    """How long tickets were in each status, and with each team or agent."""
    report, error = await _held(context, caller, asked, by)
    tabs = [(page_address("held", asked, by=one.value), gettext(name), one is by) for one, name in HOLDERS.items()]
    previous = {one.status: one for one in report.previous_statuses} if report else {}
    return await report_page(
        request, desk, context, caller, "held", asked, report=report, error=error, by=by, tabs=tabs, previous=previous
    )


@router.get("/held.csv")
async def download_held(context: State, caller: DeskAgent, asked: Form, by: ByHolder) -> Response:
    """The figures of the page as a table."""
    return table_file("held", *await _held(context, caller, asked, by))


@router.get("/backlog-history.csv")
async def download_backlog_history(context: State, caller: DeskAgent, asked: Form, by: By) -> Response:
    """The figures of the chart on the backlog's page as a table."""
    return table_file("backlog-history", *await make_report(context, caller, backlog_history(asked, by)))


async def _held(
    context: State, caller: Caller, asked: ReportRequest, by: TicketHolder
) -> tuple[HeldReport | None, str]:
    async def make(session: Session, caller: Caller) -> HeldReport:
        return await get_held_report(session, caller, asked.period, by)

    return await make_report(context, caller, make)
