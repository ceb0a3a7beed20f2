"""What would happen if an agent, a team or an SLA policy were switched off."""

from uuid import UUID

from services.assignment.deps import AgentsAdmin, SlaAdmin, State, TeamsAdmin
from services.assignment.models import Team
from services.assignment.queries.administration import deactivation
from services.assignment.schemas.deactivation import AgentDeactivation, PolicyDeactivation, TeamDeactivation
from shared.kit.http.problems import not_found
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(tags=["deactivation"], route_class=StrictJsonRoute)


@router.get("/agents/{agent_id}/deactivation", summary="What switching an agent off would do")
async def get_agent_deactivation(context: State, caller: AgentsAdmin, agent_id: UUID) -> AgentDeactivation:
    """Changes nothing."""
    async with context.database.begin() as session:
        return await deactivation.of_agent(session, caller, agent_id)


@router.get("/teams/{team_id}/deactivation", summary="What switching a team off would do")
async def get_team_deactivation(context: State, _: TeamsAdmin, team_id: UUID) -> TeamDeactivation:
    """Changes nothing."""
    async with context.database.begin() as session:
        team = await session.get(Team, team_id)
        if team is None:
            raise not_found("team")
        return await deactivation.of_team(session, team)


@router.get("/sla-policies/{policy_id}/deactivation", summary="What switching an SLA policy off would do")
async def get_policy_deactivation(context: State, _: SlaAdmin, policy_id: UUID) -> PolicyDeactivation:
    """Changes nothing."""
    async with context.database.begin() as session:
        return await deactivation.of_policy(session, policy_id)
