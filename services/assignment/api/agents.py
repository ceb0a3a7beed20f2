"""Administration of agents."""

from uuid import UUID

from fastapi import Response
from starlette.status import HTTP_201_CREATED

from services.assignment.access.agent_access import add_agent
from services.assignment.commands.configuration.administration import create
from services.assignment.commands.people.people import change_agent
from services.assignment.deps import AgentsAdmin, KeyedCall, SignedIn, State
from services.assignment.queries.people.people import get_agent_view, list_agents
from services.assignment.schemas.people import AgentInput, AgentPatch, AgentView
from shared.kit.http.paging import Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/agents", tags=["agents"], route_class=StrictJsonRoute)


@router.get("", summary="List agents")
async def get_agents(context: State, _: SignedIn) -> Page[AgentView]:
    """Everybody: any agent may need a colleague's name."""
    async with context.database.begin() as session:
        return Page(items=await list_agents(session))


@router.post("", response_model=AgentView, status_code=HTTP_201_CREATED, summary="Add an agent")
async def post_agent(context: State, _: AgentsAdmin, call: KeyedCall, body: AgentInput) -> Response:
    """With a role in each team they belong to. Without a password they are mailed a link to choose one."""
    return await create(context, call, lambda session: add_agent(session, context.settings, call.caller, body))


@router.get("/{agent_id}", summary="One agent")
async def get_agent(context: State, _: SignedIn, agent_id: UUID) -> AgentView:
    """An agent with their memberships."""
    async with context.database.begin() as session:
        return await get_agent_view(session, agent_id)


@router.patch("/{agent_id}", summary="Change an agent")
async def patch_agent(context: State, caller: AgentsAdmin, agent_id: UUID, body: AgentPatch) -> AgentView:
    """`is_active: false` signs them out for good, and their open tickets go back to their teams.

    `is_available: false` only keeps new tickets away.
    """
    return await change_agent(context, caller, agent_id, body)
