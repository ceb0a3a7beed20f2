"""Tells the other services who agents and teams now are."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, or_, select

from services.assignment.models import Agent, Membership, Role, Team
from shared.contracts.base import AgentId, TeamId
from shared.contracts.events import AgentChanged, TeamChanged
from shared.contracts.vocabulary import Permission, Scope
from shared.domain.permissions import WORKS_TICKETS
from shared.kit import outbox
from shared.kit.clock import utc_now
from shared.kit.db import Database, Session

FORM = 1
"""Of what is announced. Raise it with every field added: whoever was announced in an older form is announced anew."""
AT_ONCE = 100


class Roster(NamedTuple):
    """Who has a role in a team, and who of them may work on its tickets."""

    member_ids: tuple[AgentId, ...]
    worker_ids: tuple[AgentId, ...]


async def agent_changed(session: Session, agent: Agent, now: datetime) -> None:
    """Announces an agent's present state."""
    agent.announced_as = FORM
    event = AgentChanged(
        agent_id=AgentId(agent.id),
        email=agent.email,
        name=agent.name,
        is_active=agent.is_active,
        is_available=agent.is_available,
        is_administrator=(await get_administration(session, [agent.id]))[agent.id],
        version=agent.version,
    )
    await outbox.add(session, event, f"agent:{agent.id}:{agent.version}", now)


async def team_changed(session: Session, team: Team, now: datetime) -> None:
    """Announces a team's present state and members."""
    roster = await _roster_of(session, team)
    team.announced_as = FORM
    event = TeamChanged(
        team_id=TeamId(team.id),
        slug=team.slug,
        name=team.name,
        lead_id=AgentId(team.lead_id) if team.lead_id else None,
        member_ids=roster.member_ids,
        worker_ids=roster.worker_ids,
        is_active=team.is_active,
        version=team.version,
    )
    await outbox.add(session, event, f"team:{team.id}:{team.version}", now)


async def get_administration(session: Session, agent_ids: Collection[UUID]) -> dict[UUID, bool]:
    """Of each agent, whether any of their roles lets them administer agents."""
    administers = (
        select(Membership.agent_id)
        .join(Role, Role.id == Membership.role_id)
        .where(Membership.agent_id.in_(agent_ids), Role.permissions.op("@>")([Permission.ADMIN_AGENTS.value]))
    )
    found = set(await session.scalars(administers))
    return {agent_id: agent_id in found for agent_id in agent_ids}


def _workers_of(team: Team) -> Select[UUID]:
    """Members who see the team's tickets, assigned to them or not, and may work on them by any of their roles."""
    role_here = (Membership.team_id == team.id) & (Role.scope == Scope.TEAMS.value)
    works = (
        select(Membership.agent_id)
        .join(Role, Role.id == Membership.role_id)
        .where(
            or_(Role.scope == Scope.ALL.value, role_here),
            Role.permissions.op("@>")([Permission.TICKET_VIEW.value]),
            Role.permissions.op("&&")(sorted(WORKS_TICKETS)),
        )
    )
    return (
        select(Membership.agent_id)
        .where(Membership.team_id == team.id, Membership.agent_id.in_(works))
        .order_by(Membership.agent_id)
    )


async def get_rosters(session: Session, team_ids: Collection[UUID]) -> dict[UUID, Roster]:
    """Who is in each team and who works in it: what changes with people's roles."""
    teams = (await session.scalars(select(Team).where(Team.id.in_(team_ids)))).all()
    return {team.id: await _roster_of(session, team) for team in teams}


async def _roster_of(session: Session, team: Team) -> Roster:
    members = select(Membership.agent_id).where(Membership.team_id == team.id).order_by(Membership.agent_id)
    return Roster(
        tuple(AgentId(agent_id) for agent_id in await session.scalars(members)),
        tuple(AgentId(agent_id) for agent_id in await session.scalars(_workers_of(team))),
    )


async def members_changed(session: Session, before: Mapping[UUID, Roster], now: datetime) -> None:
    """Announces teams whose rosters are not what they were. Each is a new version: receivers keep the newest only."""
    after = await get_rosters(session, before.keys())
    ids = {team_id for team_id, roster in after.items() if roster != before[team_id]}
    teams = select(Team).where(Team.id.in_(ids)).order_by(Team.id).with_for_update(key_share=True)
    for team in (await session.scalars(teams.execution_options(populate_existing=True))).all():
        team.version += 1
        await session.flush()
        await team_changed(session, team, now)


async def administration_changed(session: Session, before: Mapping[UUID, bool], now: datetime) -> None:
    """Announces agents who administer agents now and did not before, or the other way round."""
    after = await get_administration(session, before.keys())
    ids = {agent_id for agent_id, administers in after.items() if administers != before[agent_id]}
    agents = select(Agent).where(Agent.id.in_(ids)).order_by(Agent.id).with_for_update(key_share=True)
    for agent in (await session.scalars(agents.execution_options(populate_existing=True))).all():
        agent.version += 1
        await session.flush()
        await agent_changed(session, agent, now)


async def announce_anew(database: Database) -> None:
    """Announces every agent and team that the other services know in an older form. Never ends."""
    while await _announce_some(database):
        pass
    await asyncio.Event().wait()


async def _announce_some(database: Database) -> bool:
    async with database.begin() as session:
        teams = select(Team).where(Team.announced_as < FORM).order_by(Team.id).limit(AT_ONCE)
        for team in (changed := (await session.scalars(teams.with_for_update(key_share=True))).all()):
            team.version += 1
            await session.flush()
            await team_changed(session, team, utc_now())
        agents = select(Agent).where(Agent.announced_as < FORM).order_by(Agent.id).limit(AT_ONCE)
        for agent in (others := (await session.scalars(agents.with_for_update(key_share=True))).all()):
            agent.version += 1
            await session.flush()
            await agent_changed(session, agent, utc_now())
    return bool(changed or others)
