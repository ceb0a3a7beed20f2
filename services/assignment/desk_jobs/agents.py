"""Loads the agent a background job runs for, with their present rights."""

from uuid import UUID

from sqlalchemy import select

from services.assignment.models import Agent, Membership, Role
from services.assignment.queries.access.callers import Caller, grant_of
from shared.contracts.base import AgentId, TeamId
from shared.contracts.vocabulary import Channel
from shared.domain.permissions import Principal
from shared.kit.db import Session


async def find_agent_caller(session: Session, agent_id: UUID, channel: Channel) -> Caller | None:
    """The agent with everything their memberships grant now; None if they are not active any more."""
    query = (
        select(Agent.email, Agent.name, Membership.team_id, Role.scope, Role.permissions)
        .outerjoin(Membership, Membership.agent_id == Agent.id)
        .outerjoin(Role, Role.id == Membership.role_id)
        .where(Agent.id == agent_id, Agent.is_active)
    )
    rows = (await session.execute(query)).all()
    if not rows:
        return None
    grants = tuple(grant_of(TeamId(row.team_id), row.scope, row.permissions) for row in rows if row.team_id)
    return Caller(Principal(AgentId(agent_id), grants), rows[0].email, rows[0].name, channel, b"")
