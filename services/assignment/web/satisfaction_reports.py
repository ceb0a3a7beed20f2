"""The page of the satisfaction report."""

from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response

from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.reporting.satisfaction import RatingFilter, get_satisfaction_report, list_ratings
from services.assignment.schemas.satisfaction import RatingList, SatisfactionDimension, SatisfactionReport
from services.assignment.web.activity_reports import Maker, make_report, page_address, report_page, table_file
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from services.assignment.web.reports import Form, ReportRequest, interval_label
from shared.kit.db import Session
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, marked
from shared.kit.satisfaction import SCORES

router = HttpRouter(prefix="/reports", route_class=DeskPageRoute)
GROUP_TABS = {
    SatisfactionDimension.TEAM: marked("Teams"),
    SatisfactionDimension.AGENT: marked("Agents"),
    SatisfactionDimension.TOPIC: marked("Topics"),
    SatisfactionDimension.ORGANISATION: marked("Organisations"),
}


def _rating_filter(
    by: str = "",
    group: Annotated[str, Query(max_length=64)] = "",
    score: str = "",
) -> RatingFilter:
    dimension = SatisfactionDimension(by) if by in set(SatisfactionDimension) else SatisfactionDimension.TEAM
    return RatingFilter(dimension, group or None, int(score) if score in tuple("012345") else None)


Wanted = Annotated[RatingFilter, Depends(_rating_filter)]


@router.get("/csat")
async def show_csat(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, asked: Form, wanted: Wanted
) -> Response:
    """Satisfaction per group and over time, with the newest ratings below."""
    report, error = await make_report(context, caller, _satisfaction(asked, wanted.group_by))
    ratings: RatingList | None = None
    if report is not None:
        ratings, error = await make_report(context, caller, _ratings(asked, wanted))
    tabs = [
        (page_address("csat", asked, by=one.value), gettext(name), one is wanted.group_by)
        for one, name in GROUP_TABS.items()
    ]
    values: dict[str, Any] = {"by": wanted.group_by, "tabs": tabs, "ratings": ratings, "wanted": wanted}
    return await report_page(
        request,
        desk,
        context,
        caller,
        "csat",
        asked,
        report=report,
        error=error,
        scores={score: gettext(words) for score, words in SCORES.items()},
        series=_points(report) if report else [],
        page_address=page_address,
        **values,
    )


@router.get("/csat.csv")
async def download_csat(context: State, caller: DeskAgent, asked: Form, wanted: Wanted) -> Response:
    """The figures of the page as a table."""
    return table_file("csat", *await make_report(context, caller, _satisfaction(asked, wanted.group_by)))


def _satisfaction(asked: ReportRequest, by: SatisfactionDimension) -> Maker:
    async def make(session: Session, caller: Caller) -> SatisfactionReport:
        return await get_satisfaction_report(session, caller, asked.period, by, asked.step)

    return make


def _ratings(asked: ReportRequest, wanted: RatingFilter) -> Maker:
    async def make(session: Session, caller: Caller) -> RatingList:
        return await list_ratings(session, caller, asked.period, wanted, 1)

    return make


def _points(report: SatisfactionReport) -> list[tuple[str, Any]]:
    return [(interval_label(one.at, report.time_zone, report.interval), one) for one in report.series]
