"""Tells the other services who agents and teams now are."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from services.assignment.models import Agent, Membership, Team
from shared.contracts.base import AgentId, TeamId
from shared.contracts.events import AgentChanged, TeamChanged
from shared.kit import outbox
from shared.kit.db import Session


async def agent_changed(session: Session, agent: Agent, now: datetime) -> None:
    """Announces an agent's present state."""
    event = AgentChanged(
        agent_id=AgentId(agent.id),
        email=agent.email,
        name=agent.name,
        is_active=agent.is_active,
        is_available=agent.is_available,
        version=agent.version,
    )
    await outbox.add(session, event, f"agent:{agent.id}:{agent.version}", now)


async def team_changed(session: Session, team: Team, now: datetime) -> None:
    """Announces a team's present state and members."""
    members = select(Membership.agent_id).where(Membership.team_id == team.id).order_by(Membership.agent_id)
    event = TeamChanged(
        team_id=TeamId(team.id),
        slug=team.slug,
        name=team.name,
        lead_id=AgentId(team.lead_id) if team.lead_id else None,
        member_ids=tuple(AgentId(agent_id) for agent_id in await session.scalars(members)),
        is_active=team.is_active,
        version=team.version,
    )
    await outbox.add(session, event, f"team:{team.id}:{team.version}", now)


async def members_changed(session: Session, team_ids: Collection[UUID], now: datetime) -> None:
    """Announces teams that somebody joined or left. Each is a new version: receivers keep the newest only."""
    teams = select(Team).where(Team.id.in_(team_ids)).order_by(Team.id).with_for_update(key_share=True)
    for team in (await session.scalars(teams.execution_options(populate_existing=True))).all():
        team.version += 1
        await session.flush()
        await team_changed(session, team, now)
