"""Switching a team off and on: what points to it is handed over in the same transaction, its tickets right after."""

from typing import Any
from uuid import UUID

from sqlalchemy import update

from services.assignment.commands.configuration.policies import rename_in_ladders
from services.assignment.models import RoutingRule, Team
from services.assignment.queries.administration.deactivation import of_team
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid


async def switch_team(session: Session, team: Team, changes: dict[str, Any], by: UUID | None) -> None:
    """Completes `changes` of a team by what `is_active` and `reassign_to` among them mean. Raises Problem 409, 422."""
    reassign_to: UUID | None = changes.pop("reassign_to", None)
    is_active: bool = changes.get("is_active", team.is_active)
    if changes.get("is_fallback") and not is_active:
        raise Problem(409, "team_inactive", "an inactive team cannot be the fallback; switch it on first")
    if reassign_to is not None and is_active:
        raise invalid("/reassign_to", "only goes with `is_active: false`")
    if is_active:
        changes["successor_id"] = None
    elif team.is_active or reassign_to is not None:
        changes["successor_id"] = await _hand_over(session, team, reassign_to, by)


async def _hand_over(session: Session, team: Team, reassign_to: UUID | None, by: UUID | None) -> UUID | None:
    found = await of_team(session, team)
    if found.refused_as == "fallback_needed":
        raise Problem(409, "fallback_needed", "tickets that no rule matches go here; mark another team instead")
    if reassign_to is None:
        if found.refused_as is not None:
            detail = (
                f"{found.open_tickets} open tickets, {found.routing_rules} routing rules, {len(found.policies)} SLA"
                f" policies and {len(found.predecessors)} inactive teams point to it; name another in `reassign_to`"
            )
            raise Problem(409, found.refused_as, detail)
        return None
    other = await session.get(Team, reassign_to, with_for_update={"key_share": True})
    if other is None or not other.is_active or other.id == team.id:
        raise invalid("/reassign_to", "there is no such other active team")
    await session.execute(
        update(RoutingRule)
        .where(RoutingRule.team_id == team.id)
        .values(team_id=other.id, version=RoutingRule.version + 1)
    )
    await session.execute(update(Team).where(Team.successor_id == team.id).values(successor_id=other.id))
    await rename_in_ladders(session, f"team:{team.slug}", f"team:{other.slug}", by)
    return other.id
