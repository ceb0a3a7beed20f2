"""Who may do what to which ticket: grants in, yes or no out."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from shared.contracts.base import AgentId, TeamId
from shared.contracts.vocabulary import Action, Permission, Scope, Status
from shared.domain.lifecycle import allowed_actions

ACTION_PERMISSIONS: Mapping[Action, Permission] = MappingProxyType(
    {
        Action.TRIAGE: Permission.TICKET_EDIT,
        Action.ASSIGN: Permission.TICKET_ASSIGN,
        Action.RELEASE: Permission.TICKET_RELEASE,
        Action.TRANSFER: Permission.TICKET_TRANSFER,
        Action.PRIORITISE: Permission.TICKET_EDIT,
        Action.SET_DUE: Permission.TICKET_EDIT,
        Action.CHANGE_POLICY: Permission.TICKET_EDIT,
        Action.PEND: Permission.TICKET_EDIT,
        Action.HOLD: Permission.TICKET_EDIT,
        Action.RESUME: Permission.TICKET_EDIT,
        Action.RESOLVE: Permission.TICKET_RESOLVE,
        Action.REOPEN: Permission.TICKET_REOPEN,
        Action.CLOSE: Permission.TICKET_CLOSE,
    }
)
"""The permission each action of the lifecycle asks for (DESIGN §6)."""

TICKET_PERMISSIONS = ("ticket.", "report.")
"""How the permissions begin whose reach depends on a role's scope."""
WORKS_TICKETS = frozenset({Permission.TICKET_CLAIM, Permission.TICKET_ASSIGN})
"""Either of these makes a member of a team someone tickets may be given to."""


READS = frozenset({Permission.TICKET_VIEW, Permission.REPORT_VIEW})
"""What those hold who look and put nothing before others."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one membership allows: a role's permissions, as far as its scope reaches."""

    team_id: TeamId
    scope: Scope
    permissions: frozenset[Permission]


@dataclass(frozen=True, slots=True)
class Principal:
    """An agent with everything their memberships grant."""

    agent_id: AgentId
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class TicketPlace:
    """Where a ticket stands, as far as permissions care."""

    team_id: TeamId | None
    assignee_id: AgentId | None


@dataclass(frozen=True, slots=True)
class PermissionReach:
    """The tickets one permission extends to, for a query's filter."""

    is_everything: bool
    team_ids: frozenset[TeamId]
    is_own: bool

    @property
    def is_nothing(self) -> bool:
        """No ticket at all."""
        return not (self.is_everything or self.team_ids or self.is_own)


def extends_to(grant: Grant, agent_id: AgentId, place: TicketPlace) -> bool:
    """Whether a grant's scope reaches a ticket. One without a team is reached by scope `all` alone, or its assignee."""
    match grant.scope:
        case Scope.ALL:
            return True
        case Scope.TEAMS:
            return place.team_id is not None and place.team_id == grant.team_id
        case Scope.ASSIGNED:
            return place.assignee_id is not None and place.assignee_id == agent_id


def permissions_on(principal: Principal, place: TicketPlace) -> frozenset[Permission]:
    """Everything the agent may do to a ticket."""
    reaching = (grant.permissions for grant in principal.grants if extends_to(grant, principal.agent_id, place))
    return frozenset().union(*reaching)


def holds(principal: Principal, permission: Permission) -> bool:
    """Whether any membership grants a permission that is about no single ticket, such as `report.view`."""
    return any(permission in grant.permissions for grant in principal.grants)


def only_reads(principal: Principal) -> bool:
    """Whether the agent may look at things and do nothing else."""
    return all(grant.permissions <= READS for grant in principal.grants)


def reach(principal: Principal, permission: Permission) -> PermissionReach:
    """Which tickets the agent's `permission` extends to."""
    granting = [grant for grant in principal.grants if permission in grant.permissions]
    return PermissionReach(
        is_everything=any(grant.scope is Scope.ALL for grant in granting),
        team_ids=frozenset(grant.team_id for grant in granting if grant.scope is Scope.TEAMS),
        is_own=any(grant.scope is Scope.ASSIGNED for grant in granting),
    )


def missing_to_grant(principal: Principal, grant: Grant) -> frozenset[Permission]:
    """The permissions of a grant that the agent may not give away, for they do not have them that far themselves.

    Scope `all` takes scope `all`; a team's tickets take that team's or all; one's own tickets take the permission at
    any scope, and so do permissions that are about no ticket.
    """
    return frozenset(
        permission for permission in grant.permissions if not _covers(principal, permission, grant.scope, grant.team_id)
    )


def _covers(principal: Principal, permission: Permission, scope: Scope, team_id: TeamId) -> bool:
    held = [grant for grant in principal.grants if permission in grant.permissions]
    if not permission.value.startswith(TICKET_PERMISSIONS) or scope is Scope.ASSIGNED:
        return bool(held)
    return any(
        grant.scope is Scope.ALL or (scope is Scope.TEAMS and grant.scope is Scope.TEAMS and grant.team_id == team_id)
        for grant in held
    )


@lru_cache(maxsize=4096)
def permitted_actions(held: frozenset[Permission], status: Status, *, is_assigned: bool) -> tuple[Action, ...]:
    """What an agent holding these permissions can do to a ticket as it stands."""
    possible = allowed_actions(status, is_assigned=is_assigned)
    return tuple(action for action in possible if ACTION_PERMISSIONS[action] in held)
