"""Routes of the reports on time in statuses, and on how the backlog developed, each as JSON and as CSV."""

from fastapi import Response

from services.assignment.api.reports import Asked, CsvResponse, Step, csv_file
from services.assignment.deps import ReportReader, State
from services.assignment.reporting.backlog_history import get_backlog_history
from services.assignment.reporting.held import get_held_report
from services.assignment.schemas.activity import Dimension
from services.assignment.schemas.backlog_history import BacklogHistory
from services.assignment.schemas.held import HeldReport, TicketHolder
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/reports", tags=["reports"], route_class=StrictJsonRoute)


@router.get("/held", summary="Time in each status, and with each team or agent")
async def get_held(
    context: State, caller: ReportReader, period: Asked, group_by: TicketHolder = TicketHolder.TEAM
) -> HeldReport:
    """How long tickets were in a status, with a team or with an agent, of the times that ended in the period.

    A team or agent holds a ticket until it goes to another, is resolved or is closed. Time is by the wall clock.
    """
    async with context.database.begin() as session:
        return await get_held_report(session, caller, period, group_by)


@router.get("/held.csv", summary="Time in statuses as a table", response_class=CsvResponse)
async def get_held_csv(
    context: State, caller: ReportReader, period: Asked, group_by: TicketHolder = TicketHolder.TEAM
) -> Response:
    """The same figures as `/v1/reports/held`."""
    return csv_file("held", await get_held(context, caller, period, group_by))


@router.get("/backlog/history", summary="The backlog and its age over time")
async def get_history(
    context: State, caller: ReportReader, period: Asked, group_by: Dimension = Dimension.TEAM, interval: Step = None
) -> BacklogHistory:
    """Open tickets by age at the ends of days, weeks or months of the installation's zone."""
    async with context.database.begin() as session:
        return await get_backlog_history(session, caller, period, group_by, interval)


@router.get("/backlog/history.csv", summary="The backlog over time as a table", response_class=CsvResponse)
async def get_history_csv(
    context: State, caller: ReportReader, period: Asked, group_by: Dimension = Dimension.TEAM, interval: Step = None
) -> Response:
    """The same figures and instants as `/v1/reports/backlog/history`."""
    return csv_file("backlog-history", await get_history(context, caller, period, group_by, interval))
