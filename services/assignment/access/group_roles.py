"""Mapping of directory groups to roles in teams, used by single sign-on and SCIM."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from sqlalchemy import delete, func, select

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changing
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.people.granting import check_may_grant, lock_rights
from services.assignment.commands.people.people import change_agent_within
from services.assignment.models import DirectoryGroup, DirectoryGroupMember, GroupRole, Role, SingleSignOn, Team
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import get_agent_view
from services.assignment.schemas.people import AgentPatch, MembershipInput, MembershipView
from services.assignment.schemas.provisioning import GroupRoleInput, GroupRolesInput, GroupRolesView, GroupRoleView
from services.assignment.schemas.single_sign_on import FIRST
from services.assignment.settings import AssignmentSettings
from shared.kit.db import Session
from shared.kit.http.problems import Problem, not_found

RowKey = tuple[str, UUID, UUID]
"""A group, in any case, its team and its role."""


async def get_group_roles(session: Session, provider: int = FIRST) -> GroupRolesView:
    """The mappings of a provider's groups in order of precedence; SCIM's groups are those of the first provider."""
    query = (
        select(GroupRole.group_name, Team.id, Team.name, Role.id, Role.name)
        .join(Team, Team.id == GroupRole.team_id)
        .join(Role, Role.id == GroupRole.role_id)
        .where(GroupRole.provider_id == provider)
        .order_by(GroupRole.position)
    )
    views = [
        GroupRoleView(group=group, team_id=team_id, team_name=team, role_id=role_id, role=role)
        for group, team_id, team, role_id, role in (await session.execute(query)).tuples()
    ]
    content = "\n".join(f"{one.group}\t{one.team_id}\t{one.role_id}" for one in views)
    version = hashlib.sha256(content.encode()).hexdigest()[:16]
    return GroupRolesView(provider=provider, group_roles=views, version=version)


async def replace_group_roles(
    context: AppState, by: Caller, body: GroupRolesInput, provider: int = FIRST
) -> GroupRolesView:
    """Replaces a provider's group mappings; those of the first update the roles of SCIM groups' members.

    Raises Problem 404 for a provider that is not there, 403 for a role that `by` may not give, 412 if the mappings have
    changed since `version`.
    """
    async with changing(context, by) as session:
        await lock_rights(session)
        if provider != FIRST and await session.get(SingleSignOn, provider) is None:
            raise not_found("provider")
        before = await get_group_roles(session, provider)
        if body.version not in (None, before.version):
            raise Problem(412, "version_conflict", "somebody else changed the roles of groups; look at them again")
        await check_may_grant(session, by, _raised(before.group_roles, body.group_roles))
        await session.execute(delete(GroupRole).where(GroupRole.provider_id == provider))
        begin = 1 + (await session.scalar(select(func.max(GroupRole.position))) or 0)
        for position, one in enumerate(body.group_roles, start=begin):
            row = {"group_name": one.group, "team_id": one.team_id, "role_id": one.role_id}
            session.add(GroupRole(position=position, provider_id=provider, **row))
        await session.flush()
        after = await get_group_roles(session, provider)
        await record_change(session, before, after)
        if after.version != before.version and provider == FIRST:
            members = await session.scalars(select(DirectoryGroupMember.agent_id).distinct())
            await align_with_groups(session, context.settings, by, sorted(members))
        return after


def _raised(before: Sequence[GroupRoleView], after: Sequence[GroupRoleInput]) -> set[tuple[UUID, UUID]]:
    """Teams and roles that somebody may get by the change: of new rows, and of rows that less stands before now.

    Of several rows for one team the first counts, so a row gives more when one before it goes.
    """
    known = {_key(one): _before(before, position) for position, one in enumerate(before)}
    return {
        (one.team_id, one.role_id)
        for position, one in enumerate(after)
        if _key(one) not in known or not known[_key(one)] <= _before(after, position)
    }


def _key(row: GroupRoleInput | GroupRoleView) -> RowKey:
    return row.group.casefold(), row.team_id, row.role_id


def _before(rows: Sequence[GroupRoleInput | GroupRoleView], position: int) -> set[RowKey]:
    return {_key(one) for one in rows[:position] if one.team_id == rows[position].team_id}


def roles_of_groups(
    mapped: Sequence[GroupRoleView], groups: Collection[str], held: Iterable[MembershipView]
) -> tuple[MembershipInput, ...]:
    """An agent's memberships according to their groups; teams without a mapping keep theirs."""
    names = {group.casefold() for group in groups}
    roles = {one.team_id: one.role_id for one in reversed(mapped) if one.group.casefold() in names}
    kept = {one.team_id for one in mapped}
    others = {one.team_id: one.role_id for one in held if one.team_id not in kept}
    wanted = others | roles
    return tuple(MembershipInput(team_id=team, role_id=role) for team, role in wanted.items())


async def align_with_groups(
    session: Session, settings: AssignmentSettings, by: Caller, agent_ids: Sequence[UUID]
) -> None:
    """Updates agents' roles to those of their current SCIM groups.

    Raises Problem 403 for a role that `by` may not give, 409 if no administrator of agents would remain.
    """
    mapped = (await get_group_roles(session)).group_roles
    if not mapped or not agent_ids:
        return
    groups: dict[UUID, set[str]] = {agent_id: set() for agent_id in agent_ids}
    query = (
        select(DirectoryGroupMember.agent_id, DirectoryGroup.name, DirectoryGroup.external_id)
        .join(DirectoryGroup, DirectoryGroup.id == DirectoryGroupMember.group_id)
        .where(DirectoryGroupMember.agent_id.in_(agent_ids))
    )
    for agent_id, name, external_id in (await session.execute(query)).tuples():
        groups[agent_id] |= {name, external_id or name}
    for agent_id in sorted(groups):
        view = await get_agent_view(session, agent_id)
        memberships = roles_of_groups(mapped, groups[agent_id], view.memberships)
        if set(memberships) == {MembershipInput(team_id=one.team_id, role_id=one.role_id) for one in view.memberships}:
            continue
        await change_agent_within(session, settings, by, agent_id, AgentPatch(memberships=memberships))
