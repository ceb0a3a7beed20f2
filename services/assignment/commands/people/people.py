"""Administration of agents, teams and roles; other services hear of agents and teams."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import delete, select, update

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import apply_changes, changes_of, changing, get_locked
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.people.account_notices import tell_of_change
from services.assignment.commands.people.agent_abilities import NULLABLE, complete_abilities, new_abilities
from services.assignment.commands.people.announcements import (
    agent_changed,
    get_rosters,
    get_standings,
    members_changed,
    standings_changed,
    team_changed,
)
from services.assignment.commands.people.departures import note_departures
from services.assignment.commands.people.granting import (
    administration_now,
    check_administrator_remains,
    check_may_act_for,
    check_may_change_role,
    check_may_grant,
    check_may_spare_second_factor,
    lock_rights,
)
from services.assignment.commands.people.passwords import hash_new_password
from services.assignment.commands.people.team_activity import switch_team
from services.assignment.commands.people.team_tree import TEAM_NULLS, check_defaults, place_team
from services.assignment.errors import people_only
from services.assignment.models import AccountLink, Agent, Membership, PendingSignIn, Role, Session, Team
from services.assignment.queries.access.callers import Caller, grant_of
from services.assignment.queries.people.people import get_agent_view, role_view, team_view
from services.assignment.queries.people.team_members import lock_teams
from services.assignment.schemas.people import (
    AgentInput,
    AgentPatch,
    AgentView,
    MembershipInput,
    RoleInput,
    RolePatch,
    RoleView,
    TeamInputNew,
    TeamPatch,
    TeamView,
)
from services.assignment.settings import AssignmentSettings
from shared.contracts.base import TeamId
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session as Transaction
from shared.kit.http.problems import Problem, invalid

NO_TEAM = TeamId(UUID(int=0))


async def create_agent(session: Transaction, by: Caller, body: AgentInput) -> AgentView:
    """Adds an agent with their memberships. Raises Problem 403 for rights that `by` does not have."""
    await check_may_grant(session, by, [(one.team_id, one.role_id) for one in body.memberships])
    if body.password is not None and not by.is_person:
        raise people_only("set passwords")
    agent_id = new_id()
    agent = Agent(
        id=agent_id,
        email=body.email,
        name=body.name,
        password_hash=await _hashed(body.password, body.email, body.name),
        is_active=True,
        version=1,
        **await new_abilities(session, agent_id, body),
    )
    session.add(agent)
    await session.flush()
    await _set_memberships(session, agent.id, body.memberships)
    await agent_changed(session, agent, utc_now())
    view = await get_agent_view(session, agent.id)
    await record_change(session, None, view)
    return view


async def change_agent(context: AppState, caller: Caller, agent_id: UUID, body: AgentPatch) -> AgentView:
    """Changes an agent; switching one off or giving a new password ends their sessions."""
    given = body.password
    password = await _hashed(given, *await _names_of(context, agent_id)) if given else None
    async with changing(context, caller) as session:
        return await change_agent_within(session, context.settings, caller, agent_id, body, password)


async def change_agent_within(
    session: Transaction,
    settings: AssignmentSettings,
    caller: Caller,
    agent_id: UUID,
    body: AgentPatch,
    password_hash: str | None = None,
) -> AgentView:
    """The same, as a part of a larger change; `password_hash` is that of the body's password."""
    changes = changes_of(body, NULLABLE)
    if changes.get("is_active") is False and agent_id == caller.agent_id:
        raise Problem(409, "own_account", "you cannot switch off your own account; ask another administrator")
    memberships: Sequence[MembershipInput] | None = changes.pop("memberships", None)
    if changes.pop("password", None) is not None and not caller.is_person:
        raise people_only("set passwords")
    await lock_rights(session)
    if memberships is not None:
        await _lock_teams(session, agent_id, memberships)
    agent = await get_locked(session, Agent, agent_id, "agent")
    before = await get_agent_view(session, agent_id)
    await _check_rights(session, caller, before, body)
    await complete_abilities(session, agent, changes)
    administration = await administration_now(session, settings)
    differs = apply_changes(agent, changes)
    if password_hash is not None:
        agent.password_hash = password_hash
    if memberships is not None and await _set_memberships(session, agent_id, memberships):
        differs = True
    if not differs and password_hash is None:
        return before
    agent.version += 1
    if password_hash is not None or not agent.is_active or agent.email != before.email:
        await _end_links(session, agent_id)
    if password_hash is not None or not agent.is_active:
        await session.execute(delete(Session).where(Session.agent_id == agent_id))
    await check_administrator_remains(session, settings, administration)
    await agent_changed(session, agent, utc_now())
    if password_hash is not None:
        await tell_of_change(session, agent, "password_changed")
    view = await get_agent_view(session, agent_id)
    await record_change(session, before, view, note="new password" if password_hash is not None else "")
    return view


async def create_team(session: Transaction, by: Caller, body: TeamInputNew) -> TeamView:
    """Adds a team."""
    fields = body.model_dump(exclude={"strategy", "handover", "parent_id"})
    team = Team(id=new_id(), is_fallback=False, version=1, lineage=[], **fields)
    team.strategy, team.handover = body.strategy.value, body.handover.value
    await check_defaults(session, fields)
    await place_team(session, by, team, body.parent_id)
    session.add(team)
    await session.flush()
    await team_changed(session, team, utc_now())
    await record_change(session, None, team_view(team))
    return team_view(team)


async def change_team(context: AppState, by: Caller, team_id: UUID, body: TeamPatch) -> TeamView:
    """Changes a team; the fallback mark moves, it never vanishes, and nothing is left pointing to an inactive one."""
    changes = changes_of(body, nullable=TEAM_NULLS)
    async with changing(context, by) as session:
        if "parent_id" in changes:
            await lock_rights(session)
        await lock_teams(session, {team_id, body.reassign_to or team_id})
        team = await get_locked(session, Team, team_id, "team")
        before = team_view(team)
        if changes.get("is_fallback") is False and team.is_fallback:
            raise invalid("/is_fallback", "tickets that no rule matches go here; mark another team instead")
        if changes.keys() & {"is_active", "reassign_to", "is_fallback"}:
            await switch_team(session, team, changes, by.person_id)
        if changes.get("is_fallback") and not team.is_fallback:
            await session.execute(update(Team).where(Team.is_fallback).values(is_fallback=False))
        await check_defaults(session, changes)
        moves = "parent_id" in changes and changes["parent_id"] != team.parent_id
        if (
            not apply_changes(team, {name: value for name, value in changes.items() if name != "parent_id"})
            and not moves
        ):
            return before
        if moves:
            await place_team(session, by, team, changes["parent_id"])
        team.version += 1
        await session.flush()
        await team_changed(session, team, utc_now())
        await record_change(session, before, team_view(team))
        return team_view(team)


async def create_role(session: Transaction, body: RoleInput) -> RoleView:
    """Adds a role."""
    role = Role(
        id=new_id(),
        name=body.name,
        scope=body.scope.value,
        permissions=_values(body.permissions),
        requires_second_factor=body.requires_second_factor,
        version=1,
    )
    session.add(role)
    await session.flush()
    await record_change(session, None, role_view(role))
    return role_view(role)


async def change_role(context: AppState, by: Caller, role_id: UUID, body: RolePatch) -> RoleView:
    """Changes a role for everybody who has it, at once."""
    changes = changes_of(body)
    if "permissions" in changes:
        changes["permissions"] = _values(changes["permissions"])
    async with changing(context, by) as session:
        await lock_rights(session)
        role = await get_locked(session, Role, role_id, "role")
        before, granted = role_view(role), grant_of(NO_TEAM, role.scope, role.permissions)
        if changes.get("permissions") == sorted(role.permissions):
            del changes["permissions"]  # seeded roles hold them in another order
        holders = select(Membership.agent_id).where(Membership.role_id == role_id)
        agent_ids = set(await session.scalars(holders))
        teams = select(Membership.team_id).where(Membership.agent_id.in_(agent_ids))
        rosters = await get_rosters(session, set(await session.scalars(teams)))
        standings = await get_standings(session, agent_ids)
        administration = await administration_now(session, context.settings)
        if apply_changes(role, changes):
            role.version += 1
            await check_may_change_role(session, by, role, granted)
            if before.requires_second_factor and not role.requires_second_factor:
                await check_may_spare_second_factor(session, by, role)
            await check_administrator_remains(session, context.settings, administration)
            await session.flush()
            await note_departures(session, agent_ids)
            await members_changed(session, rosters, utc_now())
            await standings_changed(session, standings, utc_now())
            await record_change(session, before, role_view(role))
        return role_view(role)


async def _check_rights(session: Transaction, by: Caller, before: AgentView, body: AgentPatch) -> None:
    """Raises Problem 403 for a change of an agent that would give, or take over, rights that `by` does not have."""
    if body.password is not None or (body.email is not None and body.email != before.email):
        await check_may_act_for(session, by, before.id)
    had = {(one.team_id, one.role_id) for one in before.memberships}
    wanted = had if body.memberships is None else {(one.team_id, one.role_id) for one in body.memberships}
    is_brought_back = body.is_active is True and not before.is_active
    await check_may_grant(session, by, wanted if is_brought_back else wanted - had)


async def _end_links(session: Transaction, agent_id: UUID) -> None:
    """Links that were mailed to set a password, and sign-ins under way: what they rest on has changed."""
    for model in (AccountLink, PendingSignIn):
        await session.execute(delete(model).where(model.agent_id == agent_id))


def _values(permissions: frozenset[Any]) -> list[str]:
    return sorted(permission.value for permission in permissions)


async def _hashed(password: SecretStr | None, *known: str) -> str | None:
    return await hash_new_password(password.get_secret_value(), known) if password else None


async def _names_of(context: AppState, agent_id: UUID) -> Sequence[str]:
    """What everybody knows of an agent; read before anything is locked, for judging and hashing take their time."""
    async with context.database.begin() as session:
        row = (await session.execute(select(Agent.email, Agent.name).where(Agent.id == agent_id))).one_or_none()
    return (row.email, row.name) if row else ()


async def _lock_teams(session: Transaction, agent_id: UUID, memberships: Sequence[MembershipInput]) -> None:
    """Before the agent, as routing does, both the teams they leave and those they join."""
    before = await session.scalars(select(Membership.team_id).where(Membership.agent_id == agent_id))
    await lock_teams(session, {*before, *(membership.team_id for membership in memberships)})


async def _set_memberships(session: Transaction, agent_id: UUID, memberships: Sequence[MembershipInput]) -> bool:
    """Returns whether they differ from what the agent had. Raises Problem 422 for a team named twice."""
    if len({membership.team_id for membership in memberships}) < len(memberships):
        raise invalid("/memberships", "an agent has one role per team; name each team once")
    theirs = Membership.agent_id == agent_id
    rows = await session.execute(select(Membership.team_id, Membership.role_id).where(theirs))
    roles = {row.team_id: row.role_id for row in rows}
    wanted = {membership.team_id: membership.role_id for membership in memberships}
    if roles == wanted:
        return False
    rosters = await get_rosters(session, roles.keys() | wanted.keys())
    await session.execute(delete(Membership).where(theirs))
    for membership in memberships:
        session.add(Membership(agent_id=agent_id, team_id=membership.team_id, role_id=membership.role_id))
    await session.flush()
    left = {team_id for team_id, role_id in roles.items() if wanted.get(team_id) != role_id}
    await note_departures(session, [agent_id], left)
    await members_changed(session, rosters, utc_now())
    return True
