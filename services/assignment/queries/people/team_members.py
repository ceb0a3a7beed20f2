"""Who is in a team, and whether they may be given its tickets."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select

from services.assignment.models import Agent, Membership, Role, Team
from shared.contracts.vocabulary import Scope
from shared.domain.permissions import WORKS_TICKETS
from shared.kit.db import Session
from shared.kit.http.problems import invalid


async def check_assignable(session: Session, agent_id: UUID, team_id: UUID | None) -> None:
    """Raises Problem 422 unless the agent is active and works on tickets in the team, or everywhere."""
    query = (
        select(Agent.is_active, func.count(Role.id))
        .outerjoin(Membership, Membership.agent_id == Agent.id)
        .outerjoin(
            Role,
            (Role.id == Membership.role_id)
            & Role.permissions.op("&&")(_works_tickets())
            & or_(Role.scope == Scope.ALL.value, Membership.team_id == team_id, _works_above(team_id)),
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


def _works_above(team_id: UUID | None) -> ColumnElement[bool]:
    """Whether a membership with scope `teams` is in a team that this one is part of."""
    above = select(func.unnest(Team.lineage)).where(Team.id == team_id).correlate(None).scalar_subquery()
    return and_(Role.scope == Scope.TEAMS.value, Membership.team_id.in_(above))


async def lock_teams(session: Session, team_ids: Collection[UUID]) -> None:
    """Locks teams in one order. Whoever locks agents too does that afterwards, so that no two wait for each other."""
    await session.execute(
        select(Team.id).where(Team.id.in_(team_ids)).order_by(Team.id).with_for_update(key_share=True)
    )


def _works_tickets() -> list[str]:
    return sorted(WORKS_TICKETS)
