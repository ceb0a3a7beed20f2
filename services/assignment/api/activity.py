"""Routes of the activity, arrival, backlog and workload reports, each as JSON and as CSV."""

from typing import Annotated

from fastapi import Query, Response

from services.assignment.api.reports import Asked, CsvResponse, Step, csv_file
from services.assignment.api.tickets import Word
from services.assignment.deps import ReportReader, State
from services.assignment.queries.time_travel.instants import AsOf
from services.assignment.queries.time_travel.open_tickets import OpenAt
from services.assignment.reporting.activity import get_activity_report, get_arrival_report
from services.assignment.reporting.open_tickets import get_backlog_report, get_workload_report
from services.assignment.schemas.activity import (
    ActivityReport,
    ArrivalReport,
    BacklogReport,
    Dimension,
    WorkloadReport,
)
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/reports", tags=["reports"], route_class=StrictJsonRoute)
OfTeam = Annotated[Word, Query(description="Id or slug")]


@router.get("/activity", summary="What happened to tickets")
async def get_activity(
    context: State,
    caller: ReportReader,
    period: Asked,
    group_by: Dimension = Dimension.TEAM,
    interval: Step = None,
) -> ActivityReport:
    """Opened, assigned, transferred, overdue, resolved, closed and reopened, beside the period before."""
    async with context.database.begin() as session:
        return await get_activity_report(session, caller, period, group_by, interval)


@router.get("/activity.csv", summary="Activity as a table", response_class=CsvResponse)
async def get_activity_csv(
    context: State,
    caller: ReportReader,
    period: Asked,
    group_by: Dimension = Dimension.TEAM,
    interval: Step = None,
) -> Response:
    """The same figures as `/v1/reports/activity`."""
    return csv_file("activity", await get_activity(context, caller, period, group_by, interval))


@router.get("/arrivals", summary="When tickets come")
async def get_arrivals(context: State, caller: ReportReader, period: Asked) -> ArrivalReport:
    """Opened tickets per weekday and hour of the report's time zone."""
    async with context.database.begin() as session:
        return await get_arrival_report(session, caller, period)


@router.get("/arrivals.csv", summary="Arrivals as a table", response_class=CsvResponse)
async def get_arrivals_csv(context: State, caller: ReportReader, period: Asked) -> Response:
    """The same figures as `/v1/reports/arrivals`."""
    return csv_file("arrivals", await get_arrivals(context, caller, period))


@router.get("/backlog", summary="Open tickets by age")
async def get_backlog(
    context: State,
    caller: ReportReader,
    team: OfTeam = None,
    group_by: Dimension = Dimension.TEAM,
    as_of: AsOf = None,
) -> BacklogReport:
    """Tickets that are neither resolved nor closed now, or were not at `as_of`, by the time since they were opened."""
    async with context.database.begin() as session:
        return await get_backlog_report(session, caller, team, group_by, OpenAt.of(as_of))


@router.get("/backlog.csv", summary="The backlog as a table", response_class=CsvResponse)
async def get_backlog_csv(
    context: State,
    caller: ReportReader,
    team: OfTeam = None,
    group_by: Dimension = Dimension.TEAM,
    as_of: AsOf = None,
) -> Response:
    """The same figures as `/v1/reports/backlog`."""
    return csv_file("backlog", await get_backlog(context, caller, team, group_by, as_of))


@router.get("/workload", summary="Open tickets by agent")
async def get_workload(context: State, caller: ReportReader, team: OfTeam = None, as_of: AsOf = None) -> WorkloadReport:
    """What each agent has to do now, or had at `as_of`: open tickets by priority, overdue and due soon."""
    async with context.database.begin() as session:
        return await get_workload_report(session, caller, team, OpenAt.of(as_of))


@router.get("/workload.csv", summary="The workload as a table", response_class=CsvResponse)
async def get_workload_csv(context: State, caller: ReportReader, team: OfTeam = None, as_of: AsOf = None) -> Response:
    """The same figures as `/v1/reports/workload`."""
    return csv_file("workload", await get_workload(context, caller, team, as_of))
