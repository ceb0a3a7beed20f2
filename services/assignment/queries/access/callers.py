"""Who is asking: a session's agent with everything their memberships grant, or a program with a part of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, any_, bindparam, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute

from services.assignment.models import Agent, AgentSettings, DeskPreferences, Membership, Role, Session, Team
from shared.contracts.base import AgentId, TeamId
from shared.contracts.events import Author
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import ActorKind, Availability, Channel, Permission, Scope
from shared.domain.permissions import Grant, Principal
from shared.kit.auth import digest_of
from shared.kit.db import Database
from shared.kit.table_changes import UNWATCHED

SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is written down when a session was last used: one write a minute, not one a request."""
KNOWN_PERMISSIONS = {permission.value: permission for permission in Permission}


@dataclass(frozen=True, slots=True)
class AgentPreferences:
    """How an agent wants the desk to be; None is as the installation has it."""

    undo_seconds: int | None = None
    time_zone: str | None = None
    density: str | None = None
    shortcuts: Mapping[str, str] = field(default_factory=dict)
    has_reading_pane: bool = False
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in agent or a program, and the channel of the session: the API or the desk."""

    principal: Principal
    email: str
    name: str
    channel: Channel
    session_digest: bytes
    address: str = ""
    """The network address that the request came from."""
    needs_second_factor: bool = False
    """Whether a role of theirs asks for a second factor and the session rests on none: nothing works until it does."""
    signed_in_at: datetime | None = None
    """When the session was opened; None for a program."""
    second_factor: str | None = None
    """What the session rests on besides the first proof."""
    kind: ActorKind = ActorKind.AGENT
    owner: Principal | None = None
    """Of a program: the agent on whose behalf it works, with all that one may."""
    signed_in_until: datetime | None = None
    """When the session ends by itself, if it is not used before."""
    availability: Availability = Availability.ONLINE
    """Whether they take new tickets; known on the desk only, as are `offers`."""
    offers: int = 0
    """How many tickets they are asked to take."""
    preferences: AgentPreferences = field(default_factory=AgentPreferences)

    @property
    def agent_id(self) -> AgentId:
        """The agent's id; a program's is its token's, and no agent has it."""
        return self.principal.agent_id

    @property
    def person_id(self) -> AgentId | None:
        """The agent's id; None for a program, which is nobody of ours."""
        return self.agent_id if self.is_person else None

    @property
    def as_owner(self) -> "Caller":
        """A program with all its owner's rights: for what it may do by a permission, but gives away by the owner's."""
        return replace(self, principal=Principal(self.agent_id, self.owner.grants)) if self.owner else self

    @property
    def is_person(self) -> bool:
        """Whether an agent asks, and not a program."""
        return self.kind is ActorKind.AGENT

    @property
    def actor(self) -> Actor:
        """The caller as commands name them."""
        return Actor(kind=self.kind, id=self.agent_id)

    @property
    def author(self) -> Author:
        """The caller as the writer of a message or note."""
        return Author(kind=self.kind, id=self.agent_id, name=self.name)


def reaches_team(team: type[Team] = Team) -> ColumnElement[bool]:
    """Whether a membership counts in a team: in its own, and with scope `teams` also in every team below that."""
    below = and_(Role.scope == Scope.TEAMS.value, Membership.team_id == any_(team.lineage))
    return or_(team.id == Membership.team_id, below)


CALLER = (
    select(
        Agent.id,
        Agent.email,
        Agent.name,
        Session.expires_at,
        Session.created_at,
        Session.last_seen_at,
        Session.second_factor,
        Team.id.label("team_id"),
        Role.scope,
        Role.permissions,
        Role.requires_second_factor,
    )
    .select_from(Session)
    .join(Agent, Agent.id == Session.agent_id)
    .outerjoin(Membership, Membership.agent_id == Agent.id)
    .outerjoin(Role, Role.id == Membership.role_id)
    .outerjoin(Team, reaches_team())
    .where(
        Session.digest == bindparam("digest"),
        Session.expires_at > bindparam("now"),
        Session.last_seen_at > bindparam("idle_since"),
        Agent.is_active,
    )
)
"""Built once: it runs with every request."""


async def find_caller(
    database: Database, token: str, channel: Channel, now: datetime, idle: timedelta, *, is_use: bool = True
) -> Caller | None:
    """The agent a session token stands for, or None if it does not work (any more). `idle` is how long it may rest.

    To look whether it still works is no use of it unless `is_use`.
    """
    digest = digest_of(token)
    async with database.single() as connection:
        rows = (await connection.execute(CALLER, {"digest": digest, "now": now, "idle_since": now - idle})).all()
        if rows and is_use and now - rows[0].last_seen_at >= SEEN_EVERY:
            seen = update(Session).where(Session.digest == digest, Session.last_seen_at < now)
            await connection.execute(seen.values(last_seen_at=now).execution_options(**{UNWATCHED: True}))
    if not rows:
        return None
    grants = tuple(grant_of(TeamId(row.team_id), row.scope, row.permissions) for row in rows if row.team_id)
    owes = rows[0].second_factor is None and any(row.requires_second_factor for row in rows)
    principal = Principal(AgentId(rows[0].id), grants)
    first = rows[0]
    seen_at = now if is_use and now - first.last_seen_at >= SEEN_EVERY else first.last_seen_at
    until = min(first.expires_at, seen_at + idle)
    return Caller(
        principal,
        first.email,
        first.name,
        channel,
        digest,
        needs_second_factor=owes,
        signed_in_until=until,
        signed_in_at=first.created_at,
        second_factor=first.second_factor,
    )


def grant_of(team_id: TeamId, scope: str, permissions: list[str]) -> Grant:
    """A membership's grant; a permission this version does not know grants nothing."""
    return Grant(team_id, Scope(scope), _known_of(tuple(permissions)))


@lru_cache(maxsize=1024)
def _known_of(permissions: tuple[str, ...]) -> frozenset[Permission]:
    """Those of a role: it is the same for all who have it."""
    return frozenset(KNOWN_PERMISSIONS[name] for name in permissions if name in KNOWN_PERMISSIONS)


async def find_agent_caller(database: Database, agent_id: AgentId, channel: Channel) -> Caller | None:
    """An active agent as they would call now, for what they asked for earlier; None if they are not active."""
    query = (
        select(Agent.email, Agent.name, Team.id.label("team_id"), Role.scope, Role.permissions)
        .outerjoin(Membership, Membership.agent_id == Agent.id)
        .outerjoin(Role, Role.id == Membership.role_id)
        .outerjoin(Team, reaches_team())
        .where(Agent.id == agent_id, Agent.is_active)
    )
    async with database.single() as connection:
        rows = (await connection.execute(query)).all()
    if not rows:
        return None
    grants = tuple(grant_of(TeamId(row.team_id), row.scope, row.permissions) for row in rows if row.team_id)
    return Caller(Principal(agent_id, grants), rows[0].email, rows[0].name, channel, b"")


async def get_preferences(database: Database, agent_id: AgentId) -> AgentPreferences:
    """How an agent wants the desk to be. Asked for by pages alone: requests of the API have no use for it."""
    query = with_preferences(select(*preference_columns())).where(Agent.id == agent_id)
    async with database.single() as connection:
        row = (await connection.execute(query)).one()
    return preferences_of(row)


def preference_columns() -> tuple[InstrumentedAttribute[Any], ...]:
    """What `preferences_of` is made of."""
    own, shown = AgentSettings, DeskPreferences
    return own.undo_seconds, own.shortcuts, shown.time_zone, shown.density, shown.has_reading_pane, shown.language


def with_preferences(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """A query about agents that reads what they have set as well."""
    return (
        query.select_from(Agent)
        .outerjoin(AgentSettings, AgentSettings.agent_id == Agent.id)
        .outerjoin(DeskPreferences, DeskPreferences.agent_id == Agent.id)
    )


def preferences_of(row: Row[*tuple[Any, ...]]) -> AgentPreferences:
    """What an agent has set, of a row with `preference_columns`."""
    return AgentPreferences(
        row.undo_seconds,
        row.time_zone or None,
        row.density,
        row.shortcuts or {},
        bool(row.has_reading_pane),
        row.language or None,
    )
