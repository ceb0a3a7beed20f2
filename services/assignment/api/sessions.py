"""Routes of sessions: one's own, and those of others for administrators of agents."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from starlette.status import HTTP_204_NO_CONTENT

from services.assignment.access.revocation import revoke_session
from services.assignment.access.sessions import list_sessions, session_info
from services.assignment.deps import SignedIn, State
from services.assignment.errors import not_permitted
from services.assignment.queries.people.people import get_agent_view
from services.assignment.schemas.access import SessionInfo
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.http.paging import Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/sessions", tags=["sessions"], route_class=StrictJsonRoute)


@router.get("", summary="List sessions")
async def get_sessions(
    context: State,
    caller: SignedIn,
    agent_id: Annotated[UUID | None, Query(description="Somebody else's; takes admin.agents")] = None,
) -> Page[SessionInfo]:
    """Those that work at this moment, the one used last first."""
    wanted = agent_id or caller.agent_id
    if wanted != caller.agent_id and not holds(caller.principal, Permission.ADMIN_AGENTS):
        raise not_permitted(Permission.ADMIN_AGENTS)
    async with context.database.begin() as session:
        await get_agent_view(session, wanted)
        found = await list_sessions(session, wanted, context.settings.session_idle)
    return Page(items=[session_info(one, caller.session_digest) for one in found])


@router.delete("/{session_id}", status_code=HTTP_204_NO_CONTENT, summary="End a session")
async def end_session(context: State, caller: SignedIn, session_id: UUID) -> None:
    """One of yours; with `admin.agents`, anybody's. Its token stops working at once."""
    await revoke_session(context, caller, session_id)
