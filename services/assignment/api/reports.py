"""Reports on promises kept."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator, AwareDatetime

from services.assignment.api.tickets import Word
from services.assignment.deps import Ctx, ReportReader
from services.assignment.queries.reports import Period, get_sla_report
from services.assignment.schemas.reports import GroupBy, SlaReport
from shared.kit.clock import utc_now
from shared.kit.http.problems import Problem
from shared.kit.http.strict_json import StrictJsonRoute

router = APIRouter(prefix="/reports", tags=["reports"], route_class=StrictJsonRoute)

USUAL = timedelta(days=30)
YEARS = range(1970, 2201)


def _near(moment: datetime | date | None) -> datetime | date | None:
    if moment is not None and moment.year not in YEARS:
        raise ValueError(f"must lie in the years {YEARS.start} to {YEARS.stop - 1}")
    return moment


Moment = Annotated[AwareDatetime | date | None, AfterValidator(_near)]


@router.get("/sla", summary="SLA attainment")
async def get_sla(
    context: Ctx,
    caller: ReportReader,
    from_: Annotated[Moment, Query(alias="from", description="Instant or day; 30 days before `to` if left out")] = None,
    to: Annotated[Moment, Query(description="Instant (not included) or day (included); now if left out")] = None,
    team: Annotated[Word, Query(description="Id or slug")] = None,
    agent: Annotated[Word, Query(description="Id or e-mail address")] = None,
    group_by: GroupBy = GroupBy.TEAM,
) -> SlaReport:
    """Verdicts settled in the period, by the highest revision of each; cancelled ones are left out."""
    until = _instant(to, days=1) if to else utc_now()
    since = _instant(from_) if from_ else until - USUAL
    if since >= until:
        raise Problem(422, "invalid_input", "from must be earlier than to")
    async with context.database.begin() as session:
        return await get_sla_report(session, caller, Period(since, until, team, agent), group_by)


def _instant(moment: datetime | date, days: int = 0) -> datetime:
    """The instant itself; of a day its beginning, or the beginning of the day after."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    return datetime.combine(moment + timedelta(days=days), time(), UTC)
