"""Routes for administering agents' authentication: invitations, password resets, second factors."""

from uuid import UUID

from starlette.status import HTTP_202_ACCEPTED, HTTP_204_NO_CONTENT

from services.assignment.access import agent_access
from services.assignment.access.revocation import revoke_all
from services.assignment.deps import AgentsAdmin, State, TakesNothing
from services.assignment.schemas.access import AccessView
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/agents/{agent_id}", tags=["agents"], route_class=StrictJsonRoute)


@router.get("/access", summary="How an agent signs in")
async def get_access(context: State, _: AgentsAdmin, agent_id: UUID) -> AccessView:
    """Password, invitation, second factors and sessions; no secret of any of them."""
    return await agent_access.get_access(context, agent_id)


@router.post(
    "/invitation", status_code=HTTP_202_ACCEPTED, dependencies=[TakesNothing], summary="Invite an agent by mail"
)
async def post_invitation(context: State, caller: AgentsAdmin, agent_id: UUID) -> AccessView:
    """Mails a link, for an agent without a password, to choose one. A link sent before stops working."""
    return await agent_access.send_invitation(context, caller, agent_id)


@router.delete("/invitation", status_code=HTTP_204_NO_CONTENT, summary="Revoke an invitation")
async def delete_invitation(context: State, caller: AgentsAdmin, agent_id: UUID) -> None:
    """Its link stops working."""
    await agent_access.end_invitation(context, caller, agent_id)


@router.post(
    "/password-reset",
    status_code=HTTP_202_ACCEPTED,
    dependencies=[TakesNothing],
    summary="Mail a link to choose a new password",
)
async def post_password_reset(context: State, caller: AgentsAdmin, agent_id: UUID) -> None:
    """The password before works until the link is used."""
    await agent_access.send_password_reset(context, caller, agent_id)


@router.delete("/second-factor", status_code=HTTP_204_NO_CONTENT, summary="Reset an agent's second factor")
async def delete_second_factor(context: State, caller: AgentsAdmin, agent_id: UUID) -> None:
    """Takes their app, passkeys and recovery codes away and ends their sessions."""
    await agent_access.reset_second_factor(context, caller, agent_id)


@router.delete("/sessions", status_code=HTTP_204_NO_CONTENT, summary="End all sessions of an agent")
async def delete_sessions(context: State, caller: AgentsAdmin, agent_id: UUID) -> None:
    """They have to sign in again."""
    await revoke_all(context, caller, agent_id)
