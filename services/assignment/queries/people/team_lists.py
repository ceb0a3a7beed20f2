"""Who is in teams, as lists of teams show it: numbers and names alone, read without everybody's memberships."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import func, select

from services.assignment.models import Agent, Membership
from shared.kit.db import Session


async def count_members(session: Session) -> dict[UUID, int]:
    """How many active agents each team has; teams without any are left out."""
    query = (
        select(Membership.team_id, func.count())
        .join(Agent, Agent.id == Membership.agent_id)
        .where(Agent.is_active)
        .group_by(Membership.team_id)
    )
    return dict((await session.execute(query)).tuples().all())


async def names_of(session: Session, agent_ids: Collection[UUID]) -> dict[UUID, str]:
    """The names of some agents."""
    query = select(Agent.id, Agent.name).where(Agent.id.in_(agent_ids))
    return dict((await session.execute(query)).tuples().all())


async def list_agent_names(session: Session) -> list[tuple[str, str]]:
    """Ids and names of all agents by name, as choices of a form."""
    query = select(Agent.id, Agent.name).order_by(Agent.name, Agent.id)
    return [(str(agent_id), name) for agent_id, name in (await session.execute(query)).tuples()]
