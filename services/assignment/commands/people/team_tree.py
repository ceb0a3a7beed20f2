"""The tree of teams: ancestors, rights inherited by members above, and defaults of a team's tickets."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import any_, literal, select

from services.assignment.commands.people.announcements import team_changed
from services.assignment.commands.people.departures import note_departures
from services.assignment.commands.people.granting import lock_rights, refuse_excess
from services.assignment.models import Calendar, Membership, Policy, Role, Team
from services.assignment.queries.access.callers import Caller, grant_of
from shared.contracts.base import TeamId
from shared.contracts.vocabulary import Scope
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.problems import invalid

TEAM_NULLS = frozenset({"lead_id", "offer_seconds", "parent_id", "policy_id", "calendar", "hold_seconds"})
MOST_LEVELS = 8


async def check_defaults(session: Session, values: Mapping[str, Any]) -> None:
    """Raises Problem 422 for a policy or calendar that does not exist, or not any more."""
    if policy_id := values.get("policy_id"):
        query = select(Policy.id).where(Policy.id == policy_id, Policy.is_current, Policy.is_active)
        if await session.scalar(query) is None:
            raise invalid("/policy_id", "there is no such active SLA policy")
    if calendar := values.get("calendar"):
        hours = select(Calendar.slug).where(Calendar.slug == calendar, Calendar.is_current)
        if await session.scalar(hours) is None:
            raise invalid("/calendar", "there is no such calendar")


async def place_team(session: Session, by: Caller, team: Team, parent_id: UUID | None) -> None:
    """Makes a team part of another, or of none, with all the teams below it.

    Raises Problem 422 for a circle and for too many levels, and 403 where the members above would get rights on its
    tickets that `by` may not give.
    """
    if parent_id is None and team.parent_id is None:
        return
    await lock_rights(session)
    below = await _teams_below(session, team)
    lineage = await _lineage_under(session, team, below, parent_id)
    gained, lost = set(lineage) - set(team.lineage), set(team.lineage) - set(lineage)
    await _refuse_excess(session, by, gained, [team, *below])
    members = await _members_of(session, lost)
    depth = len(team.lineage)
    for one in below:
        one.version += 1
        one.lineage = [*one.lineage[: len(one.lineage) - depth], *lineage]
    team.parent_id, team.lineage = parent_id, lineage
    await session.flush()
    for one in below:
        await team_changed(session, one, utc_now())
    await note_departures(session, members, {one.id for one in (team, *below)} if members else ())


async def _teams_below(session: Session, team: Team) -> list[Team]:
    query = select(Team).where(literal(team.id) == any_(Team.lineage)).order_by(Team.id)
    return list(await session.scalars(query.with_for_update(key_share=True)))


async def _lineage_under(session: Session, team: Team, below: list[Team], parent_id: UUID | None) -> list[UUID]:
    """The teams above, the nearest first."""
    if parent_id is None:
        return []
    parent = await session.get(Team, parent_id, with_for_update={"key_share": True, "read": True})
    if parent is None or not parent.is_active:
        raise invalid("/parent_id", "there is no such active team")
    if parent.id == team.id or team.id in parent.lineage:
        raise invalid("/parent_id", "a team cannot be part of itself or of a team below it")
    deepest = max((len(one.lineage) - len(team.lineage) for one in below), default=0)
    if len(parent.lineage) + 2 + deepest > MOST_LEVELS:
        raise invalid("/parent_id", f"teams can be nested {MOST_LEVELS} levels deep at most")
    return [parent.id, *parent.lineage]


async def _refuse_excess(session: Session, by: Caller, gained: set[UUID], teams: list[Team]) -> None:
    """Whoever works above with scope `teams` reaches these teams' tickets from now on."""
    query = (
        select(Role.permissions)
        .join(Membership, Membership.role_id == Role.id)
        .where(Membership.team_id.in_(gained), Role.scope == Scope.TEAMS.value)
        .distinct()
    )
    for permissions in await session.scalars(query):
        for team in teams:
            refuse_excess(by, grant_of(TeamId(team.id), Scope.TEAMS.value, permissions))


async def _members_of(session: Session, team_ids: set[UUID]) -> set[UUID]:
    return set(await session.scalars(select(Membership.agent_id).where(Membership.team_id.in_(team_ids))))
