"""Who is asking: a session's agent with everything their memberships grant."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from services.assignment.models import Agent, Membership, Role, Session
from shared.contracts.base import AgentId, TeamId
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import ActorKind, Channel, Permission, Scope
from shared.domain.permissions import Grant, Principal
from shared.kit.auth import digest_of
from shared.kit.db import Database

KNOWN_PERMISSIONS = {permission.value: permission for permission in Permission}


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in agent, and the channel of the session: the API or the desk."""

    principal: Principal
    email: str
    name: str
    channel: Channel
    session_digest: bytes
    address: str = ""
    """The network address that the request came from."""

    @property
    def agent_id(self) -> AgentId:
        """The agent's id."""
        return self.principal.agent_id

    @property
    def actor(self) -> Actor:
        """The agent as commands name them."""
        return Actor(kind=ActorKind.AGENT, id=self.agent_id)


async def find_caller(database: Database, token: str, channel: Channel, now: datetime) -> Caller | None:
    """The agent a session token stands for, or None if it does not work (any more)."""
    digest = digest_of(token)
    query = (
        select(Agent.id, Agent.email, Agent.name, Membership.team_id, Role.scope, Role.permissions)
        .select_from(Session)
        .join(Agent, Agent.id == Session.agent_id)
        .outerjoin(Membership, Membership.agent_id == Agent.id)
        .outerjoin(Role, Role.id == Membership.role_id)
        .where(Session.digest == digest, Session.expires_at > now, Agent.is_active)
    )
    async with database.single() as connection:
        rows = (await connection.execute(query)).all()
    if not rows:
        return None
    grants = tuple(grant_of(TeamId(row.team_id), row.scope, row.permissions) for row in rows if row.team_id)
    principal = Principal(AgentId(rows[0].id), grants)
    return Caller(principal, rows[0].email, rows[0].name, channel, digest)


def grant_of(team_id: TeamId, scope: str, permissions: list[str]) -> Grant:
    """A membership's grant; a permission this version does not know grants nothing."""
    known = frozenset(KNOWN_PERMISSIONS[name] for name in permissions if name in KNOWN_PERMISSIONS)
    return Grant(team_id, Scope(scope), known)
