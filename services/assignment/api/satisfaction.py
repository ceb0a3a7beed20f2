"""Routes of the satisfaction report, as JSON and as CSV, and of the ratings behind its numbers."""

from typing import Annotated

from fastapi import Query, Response

from services.assignment.api.reports import Asked, CsvResponse, Step, csv_file
from services.assignment.api.tickets import Word
from services.assignment.deps import ReportReader, State
from services.assignment.reporting.satisfaction import RatingFilter, get_satisfaction_report, list_ratings
from services.assignment.schemas.satisfaction import RatingList, SatisfactionDimension, SatisfactionReport
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/reports", tags=["reports"], route_class=StrictJsonRoute)
Group = Annotated[Word, Query(description="Id of the group, or `none`")]
Score = Annotated[int | None, Query(ge=0, le=5, description="0: not answered; every answer if left out")]
PageNumber = Annotated[int, Query(ge=1, le=10_000)]


@router.get("/csat", summary="How satisfied requesters are")
async def get_csat(
    context: State,
    caller: ReportReader,
    period: Asked,
    group_by: SatisfactionDimension = SatisfactionDimension.TEAM,
    interval: Step = None,
) -> SatisfactionReport:
    """Who was asked in the period, how many answered and what, beside the period before."""
    async with context.database.begin() as session:
        return await get_satisfaction_report(session, caller, period, group_by, interval)


@router.get("/csat.csv", summary="Satisfaction as a table", response_class=CsvResponse)
async def get_csat_csv(
    context: State,
    caller: ReportReader,
    period: Asked,
    group_by: SatisfactionDimension = SatisfactionDimension.TEAM,
    interval: Step = None,
) -> Response:
    """The same figures as `/v1/reports/csat`."""
    return csv_file("csat", await get_csat(context, caller, period, group_by, interval))


@router.get("/csat/ratings", summary="The ratings behind a number")
async def get_ratings(
    context: State,
    caller: ReportReader,
    period: Asked,
    group_by: SatisfactionDimension = SatisfactionDimension.TEAM,
    group: Group = None,
    score: Score = None,
    page: PageNumber = 1,
) -> RatingList:
    """Of tickets that the caller may see, 100 to a page."""
    async with context.database.begin() as session:
        return await list_ratings(session, caller, period, RatingFilter(group_by, group, score), page)
