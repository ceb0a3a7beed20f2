"""Administration of an agent's authentication; each change is recorded in the audit log."""

from uuid import UUID

from services.assignment.access.access_log import record_access
from services.assignment.access.account_links import find_invitation, invite, revoke_invitation, send_reset
from services.assignment.access.passkeys import list_passkeys
from services.assignment.access.second_factors import find_factors, is_second_factor_required, remove_all_factors
from services.assignment.access.sessions import end_sessions, list_sessions
from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changing, get_locked
from services.assignment.commands.people.granting import check_may_act_for
from services.assignment.commands.people.people import create_agent
from services.assignment.models import Agent
from services.assignment.queries.access.callers import Caller
from services.assignment.schemas.access import AccessView, InvitationView, PasskeyView
from services.assignment.schemas.people import AgentInput, AgentView
from services.assignment.settings import AssignmentSettings
from shared.kit.db import Session as Transaction
from shared.kit.http.problems import Problem


async def add_agent(session: Transaction, settings: AssignmentSettings, by: Caller, body: AgentInput) -> AgentView:
    """Adds an agent. One without a password is invited by mail unless `invite` is false."""
    view = await create_agent(session, by, body)
    if body.password is None and body.invite:
        await invite(session, settings, by, await session.get_one(Agent, view.id))
    return view


async def get_access(context: AppState, agent_id: UUID) -> AccessView:
    """An agent's password, second factors, invitation and sessions. Raises Problem 404."""
    async with context.database.begin() as session:
        agent = await get_locked(session, Agent, agent_id, "agent")
        return await _view(session, context.settings, agent)


async def send_invitation(context: AppState, by: Caller, agent_id: UUID) -> AccessView:
    """Mails a new invitation. Raises Problem 404, and 409 for an agent who has a password or is not active."""
    async with changing(context, by) as session:
        agent = await get_locked(session, Agent, agent_id, "agent")
        await invite(session, context.settings, by, agent)
        return await _view(session, context.settings, agent)


async def end_invitation(context: AppState, by: Caller, agent_id: UUID) -> None:
    """Revokes an invitation. Raises Problem 404 for an agent without one."""
    async with changing(context, by) as session:
        await revoke_invitation(session, by, await get_locked(session, Agent, agent_id, "agent"))


async def send_password_reset(context: AppState, by: Caller, agent_id: UUID) -> None:
    """Mails a password reset link. Raises Problem 404, and 409 for an agent who is not active."""
    async with changing(context, by) as session:
        await send_reset(session, context.settings, by, await get_locked(session, Agent, agent_id, "agent"))


async def reset_second_factor(context: AppState, by: Caller, agent_id: UUID) -> None:
    """Removes all second factors of another agent and ends their sessions.

    Raises Problem 403 for an agent with rights that `by` does not have, and 409 for one's own account, where a fresh
    sign-in is asked for.
    """
    if agent_id == by.agent_id:
        raise Problem(409, "own_account", "change your own second factors on the page of your account")
    async with changing(context, by) as session:
        agent = await get_locked(session, Agent, agent_id, "agent")
        await check_may_act_for(session, by, agent_id)
        await remove_all_factors(session, agent_id)
        await end_sessions(session, agent_id)
        await record_access(session, "agent.second-factor-reset", agent, by)


async def _view(session: Transaction, settings: AssignmentSettings, agent: Agent) -> AccessView:
    factors, invitation = await find_factors(session, agent.id), await find_invitation(session, agent.id)
    passkeys = await list_passkeys(session, agent.id)
    return AccessView(
        agent_id=agent.id,
        has_password=agent.password_hash is not None,
        invitation=InvitationView(sent_at=invitation.created_at, expires_at=invitation.expires_at)
        if invitation
        else None,
        requires_second_factor=await is_second_factor_required(session, agent.id),
        has_totp=factors.has_totp,
        passkeys=[PasskeyView.model_validate(one, from_attributes=True) for one in passkeys],
        recovery_codes=factors.recovery_codes,
        sessions=len(await list_sessions(session, agent.id, settings.session_idle)),
    )
