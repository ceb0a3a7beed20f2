"""Tells the other services who agents, teams and organisations now are."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select

from services.assignment.models import (
    Agent,
    DeskPreferences,
    Follower,
    Installation,
    Membership,
    Organisation,
    OrganisationDomain,
    Role,
    Team,
)
from shared.contracts.base import AgentId, TeamId, TicketId
from shared.contracts.events import AgentChanged, FollowerChanged, InstallationChanged, OrganisationChanged, TeamChanged
from shared.contracts.vocabulary import Permission, Scope
from shared.domain.permissions import WORKS_TICKETS
from shared.kit import outbox
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database, Session

FORM = 3
"""Of what is announced. Raise it with every field added: whoever was announced in an older form is announced anew."""
ORGANISATION_FORM = 1
"""The same of organisations."""
INSTALLATION_FORM = 1
"""The same of the installation."""
AT_ONCE = 100


class Roster(NamedTuple):
    """Who has a role in a team, who of them may work on its tickets, and whose role there shows them these."""

    member_ids: tuple[AgentId, ...]
    worker_ids: tuple[AgentId, ...]
    viewer_ids: tuple[AgentId, ...]


class Standing(NamedTuple):
    """What an agent's roles give them beyond single teams, as far as other services care."""

    is_administrator: bool
    sees_all_tickets: bool


NO_STANDING = Standing(is_administrator=False, sees_all_tickets=False)


async def agent_changed(session: Session, agent: Agent, now: datetime) -> None:
    """Announces an agent's present state."""
    standing = (await get_standings(session, [agent.id]))[agent.id]
    chosen = select(DeskPreferences.language).where(DeskPreferences.agent_id == agent.id)
    agent.announced_as = FORM
    event = AgentChanged(
        agent_id=AgentId(agent.id),
        email=agent.email,
        name=agent.name,
        is_active=agent.is_active,
        is_available=agent.is_available,
        is_administrator=standing.is_administrator,
        sees_all_tickets=standing.sees_all_tickets,
        language=await session.scalar(chosen) or None,
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
        viewer_ids=roster.viewer_ids,
        lineage=tuple(TeamId(team_id) for team_id in team.lineage),
        is_active=team.is_active,
        version=team.version,
    )
    await outbox.add(session, event, f"team:{team.id}:{team.version}", now)


async def organisation_changed(
    session: Session, organisation: Organisation, domains: Iterable[str], *, is_removed: bool = False
) -> None:
    """Announces an organisation's present state."""
    organisation.announced_as = ORGANISATION_FORM
    event = OrganisationChanged(
        organisation_id=organisation.id,
        name=organisation.name,
        domains=tuple(sorted(domains)),
        ticket_sharing=organisation.ticket_sharing,
        is_removed=is_removed,
        version=organisation.version,
    )
    await outbox.add(session, event, f"organisation:{organisation.id}:{organisation.version}", utc_now())


async def installation_changed(session: Session, installation: Installation) -> None:
    """Announces the organisation's own name as it now is; each time is a new version."""
    installation.version += 1
    installation.announced_as = INSTALLATION_FORM
    await session.flush()
    event = InstallationChanged(organisation=installation.organisation, version=installation.version)
    await outbox.add(session, event, f"installation:{new_id()}", utc_now())


async def get_standings(session: Session, agent_ids: Collection[UUID]) -> dict[UUID, Standing]:
    """The standing of each agent by any of their roles."""
    administers = Role.permissions.op("@>")([Permission.ADMIN_AGENTS.value])
    sees_every = and_(Role.scope == Scope.ALL.value, Role.permissions.op("@>")([Permission.TICKET_VIEW.value]))
    query = (
        select(Membership.agent_id, func.bool_or(administers), func.bool_or(sees_every))
        .join(Role, Role.id == Membership.role_id)
        .where(Membership.agent_id.in_(agent_ids))
        .group_by(Membership.agent_id)
    )
    rows = await session.execute(query)
    found = {agent_id: Standing(is_administrator, sees_all) for agent_id, is_administrator, sees_all in rows}
    return {agent_id: found.get(agent_id, NO_STANDING) for agent_id in agent_ids}


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


def _viewers_of(team: Team) -> Select[UUID]:
    """Whoever a role in this very team shows its tickets. Members of the teams above see them as well."""
    return (
        select(Membership.agent_id)
        .join(Role, Role.id == Membership.role_id)
        .where(
            Membership.team_id == team.id,
            Role.scope == Scope.TEAMS.value,
            Role.permissions.op("@>")([Permission.TICKET_VIEW.value]),
        )
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
        tuple(AgentId(agent_id) for agent_id in await session.scalars(_viewers_of(team))),
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


async def standings_changed(session: Session, before: Mapping[UUID, Standing], now: datetime) -> None:
    """Announces agents whose standing is not what it was."""
    after = await get_standings(session, before.keys())
    ids = {agent_id for agent_id, standing in after.items() if standing != before[agent_id]}
    agents = select(Agent).where(Agent.id.in_(ids)).order_by(Agent.id).with_for_update(key_share=True)
    for agent in (await session.scalars(agents.execution_options(populate_existing=True))).all():
        agent.version += 1
        await session.flush()
        await agent_changed(session, agent, now)


async def language_changed(session: Session, agent_id: AgentId, now: datetime) -> None:
    """Announces an agent who has chosen another language."""
    query = select(Agent).where(Agent.id == agent_id).with_for_update(key_share=True)
    agent = (await session.scalars(query.execution_options(populate_existing=True))).one()
    agent.version += 1
    await session.flush()
    await agent_changed(session, agent, now)


async def announce_anew(database: Database) -> None:
    """Announces whoever the other services know in an older form, or not: agents, teams, organisations, followers.

    So is this installation. Never ends.
    """
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
        followers = select(Follower).where(Follower.is_announced.is_(False)).limit(AT_ONCE)
        for follower in (unknown := (await session.scalars(followers.with_for_update(skip_locked=True))).all()):
            follower.is_announced = True
            event = FollowerChanged(
                ticket_id=TicketId(follower.ticket_id),
                agent_id=AgentId(follower.agent_id),
                is_following=True,
                changed_at=follower.since,
            )
            await outbox.add(session, event, f"follower:{new_id()}", utc_now())
        bodies = await _announce_organisations(session)
        named = select(Installation).where(
            Installation.announced_as < INSTALLATION_FORM, Installation.organisation != ""
        )
        for installation in await session.scalars(named.with_for_update()):
            await installation_changed(session, installation)
    return bool(changed or others or unknown or bodies)


async def _announce_organisations(session: Session) -> bool:
    query = select(Organisation).where(Organisation.announced_as < ORGANISATION_FORM).order_by(Organisation.id)
    rows = (await session.scalars(query.limit(AT_ONCE).with_for_update(key_share=True))).all()
    for row in rows:
        domains = select(OrganisationDomain.domain).where(OrganisationDomain.organisation_id == row.id)
        row.version += 1
        await organisation_changed(session, row, await session.scalars(domains))
    return bool(rows)
