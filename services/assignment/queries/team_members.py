"""Who is in a team, and whether they may be given its tickets."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select

from services.assignment.models import Agent, Membership, Role, RoutingDecision, Team, Ticket
from services.assignment.queries.indexed_ranges import IS_OPEN
from shared.contracts.base import AgentId, TeamId
from shared.contracts.events import Candidate
from shared.contracts.vocabulary import Scope
from shared.domain.permissions import WORKS_TICKETS
from shared.kit.db import Session
from shared.kit.http.problems import invalid


@dataclass(frozen=True, slots=True)
class Member:
    """Someone a team's tickets may be given to."""

    team_id: TeamId
    agent_id: AgentId
    is_available: bool
    skills: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AgentLoad:
    """What an agent has on their desk."""

    load: int = 0
    last_assigned_at: datetime | None = None


async def check_assignable(session: Session, agent_id: UUID, team_id: UUID | None) -> None:
    """Raises Problem 422 unless the agent is active and works on tickets in the team, or everywhere."""
    query = (
        select(Agent.is_active, func.count(Role.id))
        .outerjoin(Membership, Membership.agent_id == Agent.id)
        .outerjoin(
            Role,
            (Role.id == Membership.role_id)
            & Role.permissions.op("&&")(_works_tickets())
            & or_(Role.scope == Scope.ALL.value, Membership.team_id == team_id),
        )
        .where(Agent.id == agent_id)
        .group_by(Agent.id)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise invalid("/agent_id", "there is no such agent")
    is_active, roles = row.tuple()
    if not is_active:
        raise invalid("/agent_id", "this agent is not active")
    if not roles:
        raise invalid("/agent_id", "this agent does not work on tickets in the ticket's team")


async def lock_teams(session: Session, team_ids: Collection[UUID]) -> None:
    """Locks teams in one order. Whoever locks agents too does that afterwards, so that no two wait for each other."""
    await session.execute(
        select(Team.id).where(Team.id.in_(team_ids)).order_by(Team.id).with_for_update(key_share=True)
    )


async def lock_members(session: Session, team_ids: Collection[UUID]) -> list[Member]:
    """The active agents who work in these teams, their rows locked so that no other decision counts the same load."""
    memberships = (
        select(Membership.team_id, Membership.agent_id)
        .join(Role, Role.id == Membership.role_id)
        .where(Membership.team_id.in_(team_ids), Role.permissions.op("&&")(_works_tickets()))
        .order_by(Membership.agent_id)
    )
    pairs = (await session.execute(memberships)).tuples().all()
    agents = await session.scalars(
        select(Agent)
        .where(Agent.id.in_({agent_id for _, agent_id in pairs}), Agent.is_active)
        .order_by(Agent.id)
        .with_for_update(key_share=True)
    )
    known = {agent.id: agent for agent in agents}
    return [
        Member(TeamId(team_id), AgentId(agent_id), known[agent_id].is_available, tuple(known[agent_id].skills))
        for team_id, agent_id in pairs
        if agent_id in known
    ]


async def get_agent_loads(session: Session, agent_ids: Collection[UUID]) -> dict[UUID, AgentLoad]:
    """Open tickets plus decisions on the way, and when each agent last got one."""
    known_agents = select(Agent.id).where(Agent.id.in_(agent_ids)).subquery()
    working = select(
        known_agents.c.id,
        select(func.count()).where(Ticket.assignee_id == known_agents.c.id, IS_OPEN).scalar_subquery(),
        select(func.max(Ticket.assigned_at)).where(Ticket.assignee_id == known_agents.c.id).scalar_subquery(),
    )
    under_way = (
        select(RoutingDecision.agent_id, func.count(), func.max(RoutingDecision.decided_at))
        .where(RoutingDecision.agent_id.in_(agent_ids), RoutingDecision.state == "sent")
        .group_by(RoutingDecision.agent_id)
    )
    burdens: dict[UUID | None, AgentLoad] = {}
    for query in (working, under_way):
        for agent_id, load, last_at in (await session.execute(query)).tuples():
            known = burdens.get(agent_id, AgentLoad())
            instants = [at for at in (known.last_assigned_at, last_at) if at is not None]
            burdens[agent_id] = AgentLoad(known.load + load, max(instants, default=None))
    return {agent_id: burden for agent_id, burden in burdens.items() if agent_id}


def as_candidate(member: Member, burden: AgentLoad) -> Candidate:
    """A member with what counts for and against."""
    return Candidate(
        agent_id=member.agent_id,
        load=burden.load,
        is_available=member.is_available,
        skills=member.skills,
        last_assigned_at=burden.last_assigned_at,
    )


def _works_tickets() -> list[str]:
    return sorted(WORKS_TICKETS)
