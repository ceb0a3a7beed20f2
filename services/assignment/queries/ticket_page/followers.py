"""The followers of a ticket."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select

from services.assignment.models import Agent, Follower
from services.assignment.schemas.composing import FollowerView
from services.assignment.schemas.tickets import AgentRef
from shared.kit.db import Session


async def list_followers(session: Session, ticket_id: UUID) -> list[FollowerView]:
    """All of them, by name."""
    return [_view(row) for row in await session.execute(_followers(ticket_id).order_by(Agent.name, Agent.id))]


async def get_follower(session: Session, ticket_id: UUID, agent_id: UUID) -> FollowerView:
    """One of whom it is known that they follow."""
    return _view((await session.execute(_followers(ticket_id).where(Agent.id == agent_id))).one())


def _followers(ticket_id: UUID) -> Select[*tuple[Any, ...]]:
    return (
        select(Follower.agent_id, Agent.name, Follower.since, Follower.is_mentioned)
        .join(Agent, Agent.id == Follower.agent_id)
        .where(Follower.ticket_id == ticket_id)
    )


def _view(row: Row[*tuple[Any, ...]]) -> FollowerView:
    return FollowerView(agent=AgentRef(id=row.agent_id, name=row.name), since=row.since, is_mentioned=row.is_mentioned)
