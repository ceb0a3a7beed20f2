"""Revoking sessions: one's own, and as an administrator those of others."""

from uuid import UUID

from sqlalchemy import delete, select

from services.assignment.access.access_log import record_access
from services.assignment.access.sessions import end_sessions
from services.assignment.app_state import AppState
from services.assignment.models import Agent, Session
from services.assignment.queries.access.callers import Caller
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.http.problems import not_found


async def revoke_session(context: AppState, by: Caller, session_id: UUID, *, is_own: bool = False) -> None:
    """Ends one of one's own sessions, or with `admin.agents` anybody's. Raises Problem 404 for any other.

    Unknown ids and sessions of others get the same answer. `is_own` limits it to one's own sessions.
    """
    async with context.database.begin() as session:
        agent_id = await session.scalar(select(Session.agent_id).where(Session.id == session_id).with_for_update())
        may_end = agent_id == by.agent_id or (not is_own and holds(by.principal, Permission.ADMIN_AGENTS))
        if agent_id is None or not may_end:
            raise not_found("session")
        await session.execute(delete(Session).where(Session.id == session_id))
        if agent_id != by.agent_id:
            agent = await session.get_one(Agent, agent_id)
            await record_access(session, "agent.sessions-ended", agent, by, told={"sessions": 1})


async def revoke_all(context: AppState, by: Caller, agent_id: UUID) -> int:
    """Ends every session of another agent. Returns how many there were. Raises Problem 404."""
    async with context.database.begin() as session:
        agent = await session.get(Agent, agent_id)
        if agent is None:
            raise not_found("agent")
        ended = await end_sessions(session, agent_id)
        if ended:
            await record_access(session, "agent.sessions-ended", agent, by, told={"sessions": ended})
        return ended
