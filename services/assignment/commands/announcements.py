"""Tells the other services who agents and teams now are."""

from datetime import datetime

from services.assignment.models import Agent, Team
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
    """Announces a team's present state."""
    event = TeamChanged(
        team_id=TeamId(team.id),
        slug=team.slug,
        name=team.name,
        lead_id=AgentId(team.lead_id) if team.lead_id else None,
        version=team.version,
    )
    await outbox.add(session, event, f"team:{team.id}:{team.version}", now)
