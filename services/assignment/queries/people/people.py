"""Agents, teams and roles as the API answers them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute

from services.assignment.models import Agent, Membership, Role, Team
from services.assignment.queries.access.callers import KNOWN_PERMISSIONS
from services.assignment.schemas.people import AgentView, MembershipView, RoleView, TeamView
from services.assignment.schemas.routing import AbsenceView
from shared.contracts.vocabulary import Availability, Priority
from shared.domain.routing import level_map
from shared.kit.db import Session
from shared.kit.http.problems import not_found


async def list_agents(session: Session) -> list[AgentView]:
    """Everybody, by name."""
    agents = (await session.scalars(select(Agent).order_by(Agent.name, Agent.id))).all()
    return await agent_views(session, agents)


async def get_agent_view(session: Session, agent_id: UUID) -> AgentView:
    """One agent. Raises Problem 404."""
    agent = await session.get(Agent, agent_id)
    if agent is None:
        raise not_found("agent")
    return (await agent_views(session, [agent]))[0]


async def agent_views(session: Session, agents: Sequence[Agent]) -> list[AgentView]:
    """Agents as answered, each with their memberships."""
    query = (
        select(Membership.agent_id, Team, Role)
        .join(Team, Team.id == Membership.team_id)
        .join(Role, Role.id == Membership.role_id)
        .where(Membership.agent_id.in_([agent.id for agent in agents]))
        .order_by(Team.name)
    )
    memberships: dict[UUID, list[MembershipView]] = {}
    for agent_id, team, role in (await session.execute(query)).tuples():
        memberships.setdefault(agent_id, []).append(_membership_view(team, role))
    return [agent_view(agent, memberships.get(agent.id, [])) for agent in agents]


def _membership_view(team: Team, role: Role) -> MembershipView:
    return MembershipView.model_validate(
        {
            "team_id": team.id,
            "team": team.slug,
            "team_name": team.name,
            "role_id": role.id,
            "role": role.name,
            "scope": role.scope,
        }
    )


def agent_view(agent: Agent, memberships: list[MembershipView]) -> AgentView:
    """An agent as answered."""
    return AgentView(
        id=agent.id,
        email=agent.email,
        name=agent.name,
        is_active=agent.is_active,
        is_available=agent.is_available,
        availability=Availability.ONLINE if agent.is_available else Availability(agent.unavailable_as),
        out_of_office=[AbsenceView.model_validate(one) for one in agent.out_of_office],
        calendar=agent.calendar,
        skills=list(agent.skills),
        skill_levels=level_map(agent.skills, agent.skill_levels),
        capacity=agent.capacity,
        priority_weights={Priority(name): weight for name, weight in agent.priority_weights.items()},
        weight=agent.weight,
        memberships=memberships,
        version=agent.version,
    )


def team_view(team: Team) -> TeamView:
    """A team as answered."""
    return TeamView(**{name: getattr(team, name) for name in TeamView.model_fields})


def role_view(role: Role) -> RoleView:
    """A role as answered."""
    known: list[Any] = sorted(name for name in role.permissions if name in KNOWN_PERMISSIONS)
    return RoleView.model_validate(
        {
            "id": role.id,
            "name": role.name,
            "scope": role.scope,
            "permissions": known,
            "requires_second_factor": role.requires_second_factor,
            "version": role.version,
        }
    )


async def list_teams(session: Session) -> list[TeamView]:
    """Every team, by name."""
    return [team_view(team) for team in await session.scalars(select(Team).order_by(Team.name, Team.id))]


async def list_roles(session: Session) -> list[RoleView]:
    """Every role, by name."""
    return [role_view(role) for role in await session.scalars(select(Role).order_by(Role.name))]


def team_ids(wanted: str) -> Select[UUID]:
    """Selects the team of an id or a slug."""
    return _ids(Team.id, Team.slug, wanted)


def agent_ids(wanted: str) -> Select[UUID]:
    """Selects the agent of an id or an e-mail address."""
    return _ids(Agent.id, Agent.email, wanted)


def _ids(key: InstrumentedAttribute[UUID], name: InstrumentedAttribute[str], wanted: str) -> Select[UUID]:
    try:
        return select(key).where(key == UUID(wanted))
    except ValueError:
        return select(key).where(func.lower(name) == wanted.lower())
