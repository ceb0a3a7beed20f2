"""Who may do what: roles, scopes and tickets as a table."""

from uuid import UUID

import pytest

from shared.contracts.base import AgentId, TeamId
from shared.contracts.vocabulary import Action, Permission, Scope, Status
from shared.domain.permissions import (
    ACTION_PERMISSIONS,
    Grant,
    Principal,
    TicketPlace,
    holds,
    missing_to_grant,
    permissions_on,
    permitted_actions,
    reach,
)

ME, OTHER = AgentId(UUID(int=1)), AgentId(UUID(int=2))
BANKING, ACCESS = TeamId(UUID(int=10)), TeamId(UUID(int=11))
VIEW = Permission.TICKET_VIEW


def agent(*scopes: Scope, team: TeamId = BANKING) -> Principal:
    return Principal(ME, tuple(Grant(team, scope, frozenset({VIEW})) for scope in scopes))


@pytest.mark.parametrize(
    ("scope", "team", "assignee", "is_seen"),
    [
        (Scope.ALL, BANKING, None, True),
        (Scope.ALL, ACCESS, OTHER, True),
        (Scope.ALL, None, None, True),
        (Scope.TEAMS, BANKING, None, True),
        (Scope.TEAMS, BANKING, OTHER, True),
        (Scope.TEAMS, ACCESS, None, False),
        (Scope.TEAMS, ACCESS, ME, False),
        (Scope.TEAMS, None, None, False),
        (Scope.TEAMS, None, ME, False),
        (Scope.ASSIGNED, BANKING, ME, True),
        (Scope.ASSIGNED, ACCESS, ME, True),
        (Scope.ASSIGNED, None, ME, True),
        (Scope.ASSIGNED, BANKING, OTHER, False),
        (Scope.ASSIGNED, BANKING, None, False),
    ],
)
def test_a_scope_reaches_these_tickets(
    scope: Scope, team: TeamId | None, assignee: AgentId | None, is_seen: bool
) -> None:
    assert (VIEW in permissions_on(agent(scope), TicketPlace(team, assignee))) is is_seen


def test_memberships_add_up_but_a_permission_stays_with_its_scope() -> None:
    me = Principal(
        ME,
        (
            Grant(BANKING, Scope.ALL, frozenset({VIEW})),
            Grant(ACCESS, Scope.TEAMS, frozenset({VIEW, Permission.TICKET_CLOSE})),
        ),
    )
    assert permissions_on(me, TicketPlace(ACCESS, None)) == {VIEW, Permission.TICKET_CLOSE}
    assert permissions_on(me, TicketPlace(BANKING, None)) == {VIEW}


def test_nobody_without_memberships_may_anything() -> None:
    assert permissions_on(Principal(ME, ()), TicketPlace(BANKING, ME)) == frozenset()
    assert reach(Principal(ME, ()), VIEW).is_nothing
    assert not holds(Principal(ME, ()), VIEW)


def test_the_reach_of_a_permission_says_the_same_as_the_tickets_one_by_one() -> None:
    me = Principal(ME, (*agent(Scope.TEAMS).grants, *agent(Scope.ASSIGNED, team=ACCESS).grants))
    reached = reach(me, VIEW)
    assert not reached.is_everything
    assert reached.team_ids == frozenset({BANKING})
    assert reached.is_own
    assert reach(me, Permission.TICKET_CLOSE).is_nothing


def test_every_action_asks_for_a_permission() -> None:
    assert set(ACTION_PERMISSIONS) == set(Action)


def test_only_what_is_possible_and_permitted_is_offered() -> None:
    held = frozenset({VIEW, Permission.TICKET_EDIT, Permission.TICKET_RELEASE})
    assert Action.PEND in permitted_actions(held, Status.OPEN, is_assigned=True)
    assert Action.PEND not in permitted_actions(held, Status.RESOLVED, is_assigned=True)
    assert Action.CLOSE not in permitted_actions(held, Status.OPEN, is_assigned=True)
    assert Action.RELEASE not in permitted_actions(held, Status.OPEN, is_assigned=False)
    assert permitted_actions(frozenset({VIEW}), Status.OPEN, is_assigned=True) == ()


@pytest.mark.parametrize(
    ("own", "given", "team", "is_allowed"),
    [
        (Scope.ALL, Scope.ALL, ACCESS, True),
        (Scope.ALL, Scope.TEAMS, ACCESS, True),
        (Scope.ALL, Scope.ASSIGNED, ACCESS, True),
        (Scope.TEAMS, Scope.ALL, BANKING, False),
        (Scope.TEAMS, Scope.TEAMS, BANKING, True),
        (Scope.TEAMS, Scope.TEAMS, ACCESS, False),
        (Scope.TEAMS, Scope.ASSIGNED, ACCESS, True),
        (Scope.ASSIGNED, Scope.TEAMS, BANKING, False),
        (Scope.ASSIGNED, Scope.ASSIGNED, BANKING, True),
    ],
)
def test_nobody_gives_a_ticket_permission_further_than_they_have_it(
    own: Scope, given: Scope, team: TeamId, is_allowed: bool
) -> None:
    missing = missing_to_grant(agent(own), Grant(team, given, frozenset({VIEW})))
    assert missing == (frozenset() if is_allowed else {VIEW})


def test_administration_is_given_by_whoever_has_it_at_any_scope() -> None:
    admin = Principal(ME, (Grant(BANKING, Scope.TEAMS, frozenset({Permission.ADMIN_SLA})),))
    both = frozenset({Permission.ADMIN_SLA, Permission.ADMIN_AGENTS})
    assert missing_to_grant(admin, Grant(ACCESS, Scope.ALL, both)) == {Permission.ADMIN_AGENTS}
