"""Chooses the index scans of a list: the narrowest scopes the caller may see, for open and for finished tickets."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_lists.index_scans import IS_NOBODYS, IS_OPEN, IS_OVER, IndexScan
from shared.contracts.vocabulary import Permission, Priority, Status
from shared.domain.permissions import reach

DONE: Final = (Status.RESOLVED, Status.CLOSED)
WORKING: Final = tuple(status for status in Status if status not in DONE)
IS_IN_SIGHT: Final = "(tickets.team_id = any(cast(:seen as uuid[])) or tickets.assignee_id = :me)"
IS_IN_TEAMS: Final = "tickets.team_id = any(cast(:seen as uuid[]))"
IS_OWN_ELSEWHERE: Final = "(tickets.team_id is null or tickets.team_id <> all(cast(:seen as uuid[])))"
AS_A_FILTER: Final = "case when {0} then true else false end"
"""A condition in a form that no index answers."""


@dataclass(frozen=True, slots=True)
class ListScope:
    """The filters that index scans are chosen by; None where a team or an agent is not filtered by."""

    statuses: tuple[Status, ...]
    priorities: tuple[Priority, ...]
    team_id: UUID | None = None
    assignee_id: UUID | None = None
    is_nobodys: bool = False
    is_of_own_teams: bool = False


def visible(caller: Caller) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The SQL condition for tickets the caller may view, and its parameters."""
    reached = reach(caller.principal, Permission.TICKET_VIEW)
    if reached.is_everything:
        return (), {}
    values: dict[str, Any] = {"seen": sorted(reached.team_ids)}
    if reached.is_own:
        return (IS_IN_SIGHT,), {**values, "me": caller.agent_id}
    return (IS_IN_TEAMS,), values


def visible_in_scans(caller: Caller) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The same for tickets that index scans have found in order, which is when most of them are visible.

    As a plain condition it would be answered by other indexes, out of order: the planner counts it twice, and expects a
    handful where there are all the tickets that a team ever had.
    """
    conditions, values = visible(caller)
    return tuple(AS_A_FILTER.format(one) for one in conditions), values


def scans_of(caller: Caller, asked: ListScope) -> tuple[tuple[IndexScan, ...], dict[str, Any]]:
    """The scans that cover the whole list, and the parameters of their conditions."""
    scopes, values = _of_nobody(caller, asked) if asked.is_nobodys else _scopes(caller, asked)
    scans = [
        IndexScan((IS_OPEN, *scope.conditions), scope.each) for scope in scopes if set(asked.statuses) & set(WORKING)
    ]
    done = [status.value for status in DONE if status in asked.statuses]
    if done:
        values |= {"done": done}
        ranks: tuple[str, ...] = ()
        if asked.priorities and not asked.is_nobodys:
            ranks, values["ranks"] = ("rank",), sorted({priority.rank for priority in asked.priorities})
        scans += [IndexScan((IS_OVER, *scope.conditions), (*scope.each, "done", *ranks)) for scope in scopes]
    return tuple(scans), values


def _scopes(caller: Caller, asked: ListScope) -> tuple[list[IndexScan], dict[str, Any]]:
    reached = reach(caller.principal, Permission.TICKET_VIEW)
    seen = {"seen": sorted(reached.team_ids)}
    if asked.assignee_id is not None:
        return [IndexScan(("tickets.assignee_id = :assignee",))], {"assignee": asked.assignee_id}
    if asked.team_id is not None:
        return _in_team(caller, asked.team_id)
    if asked.is_of_own_teams:
        return _in_teams(grant.team_id for grant in caller.principal.grants)
    if reached.is_everything:
        return [IndexScan(())], {}
    scans, values = _in_teams(reached.team_ids) if reached.team_ids else ([], {})
    if reached.is_own:
        scans.append(IndexScan(("tickets.assignee_id = :me", IS_OWN_ELSEWHERE)))
        values |= {"me": caller.agent_id} | seen
    return scans, values


def _in_teams(teams: Iterable[UUID]) -> tuple[list[IndexScan], dict[str, Any]]:
    return [IndexScan((), ("team",))], {"teams": sorted(set(teams))}


def _in_team(caller: Caller, team_id: UUID) -> tuple[list[IndexScan], dict[str, Any]]:
    """Index scans for one team: all of it, only the caller's own tickets, or none, depending on the caller's scope."""
    reached = reach(caller.principal, Permission.TICKET_VIEW)
    if reached.is_everything or team_id in reached.team_ids:
        return [IndexScan(("tickets.team_id = :team",))], {"team": team_id}
    if reached.is_own:
        return [IndexScan(("tickets.assignee_id = :me", "tickets.team_id = :team"))], {
            "me": caller.agent_id,
            "team": team_id,
        }
    return [], {}


def _of_nobody(caller: Caller, asked: ListScope) -> tuple[list[IndexScan], dict[str, Any]]:
    """Index scans for unassigned tickets; a scope of `assigned` reaches none of them."""
    reached = reach(caller.principal, Permission.TICKET_VIEW)
    if asked.assignee_id is not None:
        return [], {}
    if reached.is_everything and asked.team_id is None and not asked.is_of_own_teams:
        return [IndexScan((IS_NOBODYS,))], {}
    teams: set[UUID] = {grant.team_id for grant in caller.principal.grants}
    if asked.team_id is not None:
        teams = {asked.team_id}
    elif not asked.is_of_own_teams:
        teams = set(reached.team_ids)
    if not reached.is_everything:
        teams &= reached.team_ids
    return [IndexScan((IS_NOBODYS,), ("team",))], {"teams": sorted(teams)}
