"""The lifecycle as one table; buttons, `allowed_actions`, validators and the README's diagram derive from it."""

from collections.abc import Mapping
from types import MappingProxyType

from shared.contracts.vocabulary import Action, Status
from shared.domain.errors import IllegalTransition

NEW, OPEN, PENDING = Status.NEW, Status.OPEN, Status.PENDING
ON_HOLD, RESOLVED, CLOSED = Status.ON_HOLD, Status.RESOLVED, Status.CLOSED

_IN_PLACE = (
    Action.RELEASE,
    Action.TRANSFER,
    Action.PRIORITISE,
    Action.SET_DUE,
    Action.CHANGE_POLICY,
)
"""Actions that change something else than the status, in any status but closed."""

TRANSITIONS: Mapping[tuple[Status, Action], Status] = MappingProxyType(
    {
        (NEW, Action.TRIAGE): OPEN,
        (NEW, Action.ASSIGN): OPEN,
        (OPEN, Action.ASSIGN): OPEN,
        (PENDING, Action.ASSIGN): PENDING,
        (ON_HOLD, Action.ASSIGN): ON_HOLD,
        (RESOLVED, Action.ASSIGN): RESOLVED,
        **{(status, action): status for status in Status if status is not CLOSED for action in _IN_PLACE},
        (OPEN, Action.PEND): PENDING,
        (OPEN, Action.HOLD): ON_HOLD,
        (PENDING, Action.HOLD): ON_HOLD,
        (PENDING, Action.RESUME): OPEN,
        (ON_HOLD, Action.RESUME): OPEN,
        (OPEN, Action.RESOLVE): RESOLVED,
        (PENDING, Action.RESOLVE): RESOLVED,
        (ON_HOLD, Action.RESOLVE): RESOLVED,
        (RESOLVED, Action.REOPEN): OPEN,
        (CLOSED, Action.REOPEN): OPEN,
        **{(status, Action.CLOSE): CLOSED for status in Status if status is not CLOSED},
    }
)


def next_state(status: Status, action: Action) -> Status:
    """The status after `action`. Raises IllegalTransition where the table has no row. Source: DESIGN section 3."""
    try:
        return TRANSITIONS[status, action]
    except KeyError:
        raise IllegalTransition(
            f"a ticket that is {status.value} cannot be changed by {action.value}",
            status=status.value,
            action=action.value,
            allowed=[allowed.value for allowed in actions_from(status)],
        ) from None


def actions_from(status: Status) -> tuple[Action, ...]:
    """What can be done from a status, in the order of the vocabulary."""
    return tuple(action for action in Action if (status, action) in TRANSITIONS)


def allowed_actions(status: Status, *, is_assigned: bool) -> tuple[Action, ...]:
    """What can be done to a ticket as it stands; nobody can be released from an unassigned one."""
    return tuple(action for action in actions_from(status) if is_assigned or action is not Action.RELEASE)
