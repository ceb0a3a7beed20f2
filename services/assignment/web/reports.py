"""The desk's report: how well promises were kept, by team, agent or priority."""

from collections.abc import Mapping
from datetime import timedelta

from fastapi import APIRouter, Request, Response

from services.assignment.deps import Ctx
from services.assignment.errors import not_permitted
from services.assignment.queries.people import list_teams
from services.assignment.queries.reports import Period, get_sla_report
from services.assignment.schemas.reports import GroupBy
from services.assignment.web.frame import DeskAgent, PageRoute, TheDesk
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.clock import utc_now

router = APIRouter(route_class=PageRoute)

PERIODS: Mapping[str, tuple[str, timedelta]] = {
    "1": ("Last 24 hours", timedelta(days=1)),
    "7": ("Last 7 days", timedelta(days=7)),
    "30": ("Last 30 days", timedelta(days=30)),
    "90": ("Last 90 days", timedelta(days=90)),
    "365": ("Last 12 months", timedelta(days=365)),
}
GROUPS: Mapping[GroupBy, str] = {GroupBy.TEAM: "Teams", GroupBy.AGENT: "Agents", GroupBy.PRIORITY: "Priorities"}


@router.get("/reports")
async def show_reports(
    request: Request,
    desk: TheDesk,
    context: Ctx,
    caller: DeskAgent,
    days: str = "30",
    group_by: str = GroupBy.TEAM.value,
    team: str = "",
) -> Response:
    """Attainment bars with the numbers behind them."""
    if not holds(caller.principal, Permission.REPORT_VIEW):
        raise not_permitted(Permission.REPORT_VIEW)
    days = days if days in PERIODS else "30"
    group = GroupBy(group_by) if group_by in set(GroupBy) else GroupBy.TEAM
    until = utc_now()
    narrowed_to = team if team.isprintable() and len(team) <= 64 else ""
    async with context.database.begin() as session:
        teams = await list_teams(session)
        period = Period(until - PERIODS[days][1], until, narrowed_to or None)
        report = await get_sla_report(session, caller, period, group)
    tail = f"&days={days}" + (f"&team={narrowed_to}" if narrowed_to in {one.slug for one in teams} else "")
    return desk.render(
        request,
        "reports.html",
        caller,
        report=report,
        tabs=[(f"/reports?group_by={one.value}{tail}", name, one is group) for one, name in GROUPS.items()],
        periods=[(value, name) for value, (name, _) in PERIODS.items()],
        teams=[(one.slug, one.name) for one in teams],
        days=days,
        team=narrowed_to,
        group_by=group.value,
    )
