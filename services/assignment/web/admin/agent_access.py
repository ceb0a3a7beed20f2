"""Administration page of an agent's authentication: invitation, password, second factors, sessions."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from fastapi import Request, Response

from services.assignment.access import agent_access
from services.assignment.access.revocation import revoke_all, revoke_session
from services.assignment.access.sessions import list_sessions, session_info
from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import get_agent_view
from services.assignment.web.admin.sections import AgentsPageCaller
from services.assignment.web.admin.submitted_form import AdminForm, FormRefused, refusals
from services.assignment.web.browsers import browser_of
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from services.assignment.web.session_proofs import PROOFS
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

router = HttpRouter(prefix="/admin/agents/{agent_id}/access", route_class=DeskPageRoute)


@router.get("")
async def show_access(
    request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller, agent_id: UUID
) -> Response:
    """Everything about how the agent signs in. Raises Problem 404."""
    access = await agent_access.get_access(context, agent_id)
    async with context.database.begin() as session:
        agent = await get_agent_view(session, agent_id)
        sessions = await list_sessions(session, agent_id, context.settings.session_idle)
    return desk.render(
        request,
        "admin/agent_access.html",
        caller,
        agent=agent,
        access=access,
        sessions=[(session_info(one, caller.session_digest), browser_of(one.user_agent)) for one in sessions],
        proofs=PROOFS,
    )


@router.post("/invitation")
async def post_invitation(
    desk: TheDesk, context: State, caller: AgentsPageCaller, agent_id: UUID, _: AdminForm
) -> Response:
    """Sends an invitation, or sends it again."""
    said = gettext("The invitation is on its way. A link sent before does not work any more.")
    return await _done(desk, context, caller, agent_id, said, agent_access.send_invitation)


@router.post("/invitation/revoke")
async def post_revoke_invitation(
    desk: TheDesk, context: State, caller: AgentsPageCaller, agent_id: UUID, _: AdminForm
) -> Response:
    """Ends an invitation."""
    return await _done(
        desk, context, caller, agent_id, gettext("The invitation was revoked."), agent_access.end_invitation
    )


@router.post("/password-reset")
async def post_password_reset(
    desk: TheDesk, context: State, caller: AgentsPageCaller, agent_id: UUID, _: AdminForm
) -> Response:
    """Mails a link to choose a new password."""
    said = gettext("A link to choose a new password is on its way to them.")
    return await _done(desk, context, caller, agent_id, said, agent_access.send_password_reset)


@router.post("/second-factor/reset")
async def post_reset_second_factor(
    desk: TheDesk, context: State, caller: AgentsPageCaller, agent_id: UUID, _: AdminForm
) -> Response:
    """Takes every second factor away."""
    said = gettext("Their second factors are gone, and their sessions have ended.")
    return await _done(desk, context, caller, agent_id, said, agent_access.reset_second_factor)


@router.post("/sessions/end")
async def post_end_sessions(
    desk: TheDesk, context: State, caller: AgentsPageCaller, agent_id: UUID, _: AdminForm
) -> Response:
    """Ends every session."""
    return await _done(desk, context, caller, agent_id, gettext("Their sessions have ended."), revoke_all)


@router.post("/sessions/{session_id}/end")
async def post_end_session(
    desk: TheDesk, context: State, caller: AgentsPageCaller, agent_id: UUID, session_id: UUID, _: AdminForm
) -> Response:
    """Ends one session."""

    async def end(context: AppState, by: Caller, _: UUID) -> None:
        await revoke_session(context, by, session_id)

    return await _done(desk, context, caller, agent_id, gettext("The session has ended."), end)


async def _done(
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    agent_id: UUID,
    said: str,
    command: Callable[[AppState, Caller, UUID], Awaitable[object]],
) -> Response:
    """Carries the command out and goes back to the page, with what was done or why it was not."""
    try:
        async with refusals():
            await command(context, caller, agent_id)
    except FormRefused as refused:
        return desk.redirect(f"/admin/agents/{agent_id}/access", ("danger", refused.notice))
    return desk.redirect(f"/admin/agents/{agent_id}/access", ("success", said))
