"""Administration of teams."""

from uuid import UUID

from fastapi import Response
from starlette.status import HTTP_201_CREATED

from services.assignment.commands.configuration.administration import create
from services.assignment.commands.people.people import change_team, create_team
from services.assignment.deps import KeyedCall, SignedIn, State, TeamsAdmin
from services.assignment.models import Team
from services.assignment.queries.people.people import list_teams, team_view
from services.assignment.schemas.people import TeamInputNew, TeamPatch, TeamView
from shared.kit.http.paging import Page
from shared.kit.http.problems import not_found
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/teams", tags=["teams"], route_class=StrictJsonRoute)


@router.get("", summary="List teams")
async def get_teams(context: State, _: SignedIn) -> Page[TeamView]:
    """Every team: any agent may need to hand a ticket over."""
    async with context.database.begin() as session:
        return Page(items=await list_teams(session))


@router.post("", response_model=TeamView, status_code=HTTP_201_CREATED, summary="Add a team")
async def post_team(context: State, _: TeamsAdmin, call: KeyedCall, body: TeamInputNew) -> Response:
    """Its members are set with the agents."""
    return await create(context, call, lambda session: create_team(session, call.caller, body))


@router.get("/{team_id}", summary="One team")
async def get_team(context: State, _: SignedIn, team_id: UUID) -> TeamView:
    """A team."""
    async with context.database.begin() as session:
        team = await session.get(Team, team_id)
    if team is None:
        raise not_found("team")
    return team_view(team)


@router.patch("/{team_id}", summary="Change a team")
async def patch_team(context: State, caller: TeamsAdmin, team_id: UUID, body: TeamPatch) -> TeamView:
    """`is_fallback: true` takes the mark from the team that had it; `is_active: false` may need `reassign_to`."""
    return await change_team(context, caller, team_id, body)
