"""SLA reports."""

from datetime import date, datetime
from typing import Annotated, Protocol

from fastapi import Depends, Query, Response
from pydantic import AfterValidator, AwareDatetime

from services.assignment.api.tickets import Word
from services.assignment.deps import ReportReader, State
from services.assignment.queries.periods import InvalidPeriod, Period, period_of
from services.assignment.queries.time_travel.instants import AsOf
from services.assignment.reporting.attainment import get_sla_report
from services.assignment.schemas.activity import ReportInterval
from services.assignment.schemas.reports import GroupBy, SlaReport
from services.assignment.schemas.what_if import WhatIfInput, WhatIfReport
from services.assignment.what_if_process import VisibilityScope
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import reach
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute


class CsvResponse(Response):
    """A table for spreadsheets, and described so in the API's document."""

    media_type = "text/csv"


router = HttpRouter(prefix="/reports", tags=["reports"], route_class=StrictJsonRoute)


class CsvReport(Protocol):
    """A report that can be written as a table."""

    def as_csv(self) -> str:
        """Returns the table as CSV."""


YEARS = range(1970, 2201)


def _near(moment: datetime | date | None) -> datetime | date | None:
    if moment is not None and moment.year not in YEARS:
        raise ValueError(f"must lie in the years {YEARS.start} to {YEARS.stop - 1}")
    return moment


Moment = Annotated[AwareDatetime | date | None, AfterValidator(_near)]


async def _report_request(
    context: State,
    from_: Annotated[Moment, Query(alias="from", description="Instant or day; 30 days before `to` if left out")] = None,
    to: Annotated[Moment, Query(description="Instant (not included) or day (included); now if left out")] = None,
    tz: Annotated[Word, Query(description="Whose days: an IANA name; `EVERDESK_TIME_ZONE` if left out")] = None,
    team: Annotated[Word, Query(description="Id or slug")] = None,
    agent: Annotated[Word, Query(description="Id or e-mail address")] = None,
    as_of: AsOf = None,
) -> Period:
    try:
        return period_of(from_, to, tz or context.settings.time_zone, as_of=as_of, team=team, agent=agent)
    except InvalidPeriod as wrong:
        raise Problem(422, "invalid_input", str(wrong)) from wrong


Step = Annotated[ReportInterval | None, Query(description="Adds a series in steps of this length")]
Asked = Annotated[Period, Depends(_report_request)]


@router.get("/sla", summary="SLA attainment")
async def get_sla(
    context: State, caller: ReportReader, period: Asked, group_by: GroupBy = GroupBy.TEAM, interval: Step = None
) -> SlaReport:
    """Verdicts settled in the period, by the highest revision of each, and clocks that still run.

    A clock that fell due in the period and has not stopped yet is a breach; cancelled verdicts are left out.
    """
    async with context.database.begin() as session:
        return await get_sla_report(session, caller, period, group_by, interval)


@router.get("/sla.csv", summary="SLA attainment as a table", response_class=CsvResponse)
async def get_sla_csv(
    context: State, caller: ReportReader, period: Asked, group_by: GroupBy = GroupBy.TEAM, interval: Step = None
) -> Response:
    """The same figures and instants as `/v1/reports/sla`."""
    return csv_file(f"sla-{group_by.value}", await get_sla(context, caller, period, group_by, interval))


def csv_file(name: str, report: CsvReport) -> CsvResponse:
    """A file to open in a spreadsheet."""
    heads = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return CsvResponse(report.as_csv(), headers=heads)


@router.post("/what-if", summary="History judged under other rules")
async def post_what_if(context: State, caller: ReportReader, body: WhatIfInput) -> WhatIfReport:
    """What verdicts would have been under another policy or calendar. Writes nothing; at most 20,000 tickets."""
    reached = reach(caller.principal, Permission.REPORT_VIEW)
    own = caller.agent_id if reached.is_own else None
    sight = VisibilityScope(reached.is_everything, frozenset(reached.team_ids), own)
    url = context.settings.database_url.get_secret_value()
    return await context.what_if_worker.ask(url, body, sight)
