"""Routes of the time report, and of the tickets behind the figures of reports."""

from typing import Annotated

from fastapi import Depends, Query, Response

from services.assignment.api.reports import Asked, CsvResponse, csv_file
from services.assignment.api.tickets import Word
from services.assignment.deps import ReportReader, State
from services.assignment.reporting.counted_tickets import Figure, get_counted_tickets
from services.assignment.reporting.times import get_times_report
from services.assignment.schemas.counted_tickets import CountedIn, CountedTickets
from services.assignment.schemas.report_times import TimesReport
from services.assignment.schemas.reports import GroupBy
from shared.contracts.vocabulary import Metric
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/reports", tags=["reports"], route_class=StrictJsonRoute)
Seconds = Annotated[int | None, Query(ge=0, le=10**9)]
Page = Annotated[int, Query(ge=1, le=100)]


@router.get("/times", summary="How long responses and resolutions took")
async def get_times(
    context: State, caller: ReportReader, period: Asked, group_by: GroupBy = GroupBy.TEAM
) -> TimesReport:
    """Mean, median, 90th percentile and distribution of the clocks that were met or breached in the period."""
    async with context.database.begin() as session:
        return await get_times_report(session, caller, period, group_by)


@router.get("/times.csv", summary="Times as a table", response_class=CsvResponse)
async def get_times_csv(
    context: State, caller: ReportReader, period: Asked, group_by: GroupBy = GroupBy.TEAM
) -> Response:
    """The same figures as `/v1/reports/times`."""
    return csv_file("times", await get_times(context, caller, period, group_by))


async def _cell_of(
    from_seconds: Seconds = None,
    to_seconds: Seconds = None,
    weekday: Annotated[int | None, Query(ge=1, le=7, description="Of arrivals; 1 is Monday")] = None,
    hour: Annotated[int | None, Query(ge=0, le=23, description="Of arrivals, in the zone `tz`")] = None,
) -> dict[str, int | None]:
    return {"from_seconds": from_seconds, "to_seconds": to_seconds, "weekday": weekday, "hour": hour}


async def figure_of(
    cell: Annotated[dict[str, int | None], Depends(_cell_of)],
    report: CountedIn = CountedIn.SLA,
    figure: Annotated[
        str, Query(max_length=32, description="Its column, such as `breached`, `count` or `opened`")
    ] = "breached",
    metric: Metric | None = None,
    group_by: GroupBy = GroupBy.TEAM,
    group: Annotated[Word, Query(description="Id of the group, name of a priority or channel, or `none`")] = None,
    measure: Annotated[str, Query(pattern="^(business|wall)$")] = "business",
) -> Figure:
    """The figure that a request names."""
    return Figure(report, figure, metric, group_by, group, measure == "wall", **cell)


Counted = Annotated[Figure, Depends(figure_of)]


@router.get("/tickets", summary="The tickets behind a figure")
async def get_tickets_of_figure(
    context: State, caller: ReportReader, period: Asked, figure: Counted, page: Page = 1
) -> CountedTickets:
    """One line for each time that the figure counts a ticket, the newest first, 100 to a page."""
    async with context.database.begin() as session:
        return await get_counted_tickets(session, caller, period, figure, page)


@router.get("/tickets.csv", summary="The tickets behind a figure as a table", response_class=CsvResponse)
async def get_tickets_of_figure_csv(
    context: State, caller: ReportReader, period: Asked, figure: Counted, page: Page = 1
) -> Response:
    """The same lines as `/v1/reports/tickets`."""
    return csv_file("tickets", await get_tickets_of_figure(context, caller, period, figure, page))
