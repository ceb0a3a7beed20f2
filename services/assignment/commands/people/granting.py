"""Guards of rights: nobody gives away what they do not have, and an administrator always remains."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select

from services.assignment.commands.configuration.versions import lock
from services.assignment.models import Agent, GroupRole, Membership, ProviderIdentity, Role
from services.assignment.queries.access.callers import Caller, grant_of
from services.assignment.queries.access.password_replacement import issuers_instead_of_passwords
from services.assignment.settings import AssignmentSettings
from shared.contracts.base import TeamId
from shared.contracts.vocabulary import Permission, Scope
from shared.domain.permissions import Grant, missing_to_grant
from shared.kit.db import Session
from shared.kit.http.problems import Problem

ADMINISTERS = Permission.ADMIN_AGENTS
"""Who holds it can give every other right back."""
NO_WAY_IN = (
    "keep an administrator with a password who never signs in with the provider: else nobody gets in while the"
    " provider is away"
)


async def lock_rights(session: Session) -> None:
    """One change of rights at a time: two administrators could else deactivate each other at once."""
    await lock(session, "rights")


async def check_may_grant(session: Session, by: Caller, memberships: Iterable[tuple[UUID, UUID]]) -> None:
    """Raises Problem 403 for a team and role (their ids) that would give more than `by` has.

    A team or role that does not exist is left to the database.
    """
    for team_id, role_id in memberships:
        role = await session.get(Role, role_id)
        if role is not None:
            refuse_excess(by, grant_of(TeamId(team_id), role.scope, role.permissions))


async def check_may_act_for(session: Session, by: Caller, agent_id: UUID) -> None:
    """Raises Problem 403 if an agent has rights that `by` has not: whoever sets their password could use them."""
    if agent_id == by.agent_id:
        return
    for grant in await grants_of(session, agent_id):
        refuse_excess(by, grant)


async def grants_of(session: Session, agent_id: UUID) -> list[Grant]:
    """What an agent's memberships grant."""
    query = (
        select(Membership.team_id, Role.scope, Role.permissions)
        .join(Role, Role.id == Membership.role_id)
        .where(Membership.agent_id == agent_id)
    )
    return [grant_of(TeamId(row.team_id), row.scope, row.permissions) for row in await session.execute(query)]


async def check_may_change_role(session: Session, by: Caller, role: Role, before: Grant) -> None:
    """Raises Problem 403 if a changed role gives its holders, or whoever a group makes one, more than `by` has.

    A role that nobody has and no group stands for gives nothing yet: whoever is to get it is looked at then.
    """
    now = grant_of(before.team_id, role.scope, role.permissions)
    if now.scope is before.scope:
        now = Grant(now.team_id, now.scope, now.permissions - before.permissions)
    await _refuse_where_held(session, by, role.id, now)


async def check_may_spare_second_factor(session: Session, by: Caller, role: Role) -> None:
    """Raises Problem 403 if a role that is to ask for no second factor any more gives more than `by` has."""
    await _refuse_where_held(session, by, role.id, grant_of(TeamId(UUID(int=0)), role.scope, role.permissions))


async def _refuse_where_held(session: Session, by: Caller, role_id: UUID, grant: Grant) -> None:
    held_in = select(Membership.team_id).where(Membership.role_id == role_id)
    mapped_in = select(GroupRole.team_id).where(GroupRole.role_id == role_id)
    for team_id in await session.scalars(held_in.union(mapped_in)):
        refuse_excess(by, Grant(TeamId(team_id), grant.scope, grant.permissions))


def refuse_excess(by: Caller, grant: Grant) -> None:
    """Raises Problem 403 for a grant that `by` may not give."""
    if missing := missing_to_grant(by.principal, grant):
        names = ", ".join(sorted(permission.value for permission in missing))
        detail = f"you cannot give rights that you do not have yourself: {names}, for scope {grant.scope.value}"
        raise Problem(403, "exceeds_own_rights", detail)


@dataclass(frozen=True, slots=True)
class Administration:
    """Who could administer, looked at before a change, so that it takes nothing away for good."""

    has_everything: bool
    """Somebody who can sign in holds every right for every ticket: who else could give the rarer ones back?"""
    has_way_in: bool
    """An administrator of agents can sign in with a password, whatever the identity providers do."""


async def administration_now(session: Session, settings: AssignmentSettings) -> Administration:
    """How it is at this moment of the transaction."""
    return Administration(await _somebody_has_everything(session), await has_way_in(session, settings))


async def check_administrator_remains(session: Session, settings: AssignmentSettings, before: Administration) -> None:
    """Raises Problem 409 if, with the changes of this transaction, nobody could administer agents any more.

    So it does if somebody had every right before and now nobody would, as rights that nobody holds can be given by
    nobody; and if the change takes the last administrator whose password still works where a provider has taken the
    place of passwords.
    """
    await session.flush()
    if await session.scalar(_holders(Role.permissions.contains([ADMINISTERS.value]))) is None:
        detail = f"nobody who can sign in would hold {ADMINISTERS.value} any more; give it to somebody else first"
        raise Problem(409, "last_administrator", detail)
    if before.has_everything and not await _somebody_has_everything(session):
        detail = "nobody who can sign in would hold every right any more, and so nobody could give them all again"
        raise Problem(409, "last_administrator", detail)
    if before.has_way_in and not await has_way_in(session, settings):
        raise Problem(409, "last_administrator", NO_WAY_IN)


async def has_way_in(session: Session, settings: AssignmentSettings) -> bool:
    """Whether an administrator of agents has a password that no identity provider has taken the place of."""
    only_there = await issuers_instead_of_passwords(session, settings)
    linked = select(ProviderIdentity.agent_id).where(ProviderIdentity.issuer.in_(only_there))
    administers = Role.permissions.contains([ADMINISTERS.value])
    query = _holders(administers & Agent.id.not_in(linked) if only_there else administers)
    return await session.scalar(query) is not None


async def _somebody_has_everything(session: Session) -> bool:
    whole = Role.permissions.contains([permission.value for permission in Permission])
    return await session.scalar(_holders(whole & (Role.scope == Scope.ALL.value))) is not None


def _holders(condition: ColumnElement[bool]) -> Select[UUID]:
    """Active agents with a password for whom, or for a role of whom, this holds; one suffices."""
    return (
        select(Agent.id)
        .join(Membership, Membership.agent_id == Agent.id)
        .join(Role, Role.id == Membership.role_id)
        .where(Agent.is_active, Agent.password_hash.is_not(None), condition)
        .limit(1)
    )
