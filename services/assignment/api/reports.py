"""Reports on promises kept."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator, AwareDatetime

from services.assignment.api.tickets import Word
from services.assignment.deps import Ctx, ReportReader
from services.assignment.queries.reports import Period, get_sla_report
from services.assignment.queries.what_if import Sight
from services.assignment.schemas.reports import GroupBy, SlaReport
from services.assignment.schemas.what_if import WhatIfInput, WhatIfReport
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import reach
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


@router.post("/what-if", summary="History judged under other rules")
async def post_what_if(context: Ctx, caller: ReportReader, body: WhatIfInput) -> WhatIfReport:
    """What verdicts would have been under another policy or calendar. Writes nothing; at most 20,000 tickets."""
    reached = reach(caller.principal, Permission.REPORT_VIEW)
    own = caller.agent_id if reached.is_own else None
    sight = Sight(reached.is_everything, frozenset(reached.team_ids), own)
    url = context.settings.database_url.get_secret_value()
    return await context.rejudger.ask(url, body, sight)


def _instant(moment: datetime | date, days: int = 0) -> datetime:
    """The instant itself; of a day its beginning, or the beginning of the day after."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    return datetime.combine(moment + timedelta(days=days), time(), UTC)
