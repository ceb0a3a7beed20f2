"""The table of transitions, against the sentence that defines it (DESIGN section 3)."""

import pytest

from shared.contracts.vocabulary import Action, Status
from shared.domain.errors import IllegalTransition
from shared.domain.lifecycle import TRANSITIONS, allowed_actions, next_state

ANY_BUT_CLOSED = "new open pending on_hold resolved"
RULES = [
    ("triage", "new", "open"),
    ("assign", "new", "open"),
    ("pend", "open", "pending"),
    ("hold", "open pending", "on_hold"),
    ("resume", "pending on_hold", "open"),
    ("resolve", "open pending on_hold", "resolved"),
    ("reopen", "resolved closed", "open"),
    ("close", ANY_BUT_CLOSED, "closed"),
    *((action, ANY_BUT_CLOSED, "") for action in ("release", "transfer", "prioritise", "set_due", "change_policy")),
    ("assign", "open pending on_hold resolved", ""),
]
EXPECTED = {
    (Status(status), Action(action)): Status(after or status)
    for action, before, after in RULES
    for status in before.split()
}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("action", Action)
def test_every_pair_of_status_and_action_is_as_designed(status: Status, action: Action) -> None:
    expected = EXPECTED.get((status, action))
    if expected is not None:
        assert next_state(status, action) is expected
        return
    with pytest.raises(IllegalTransition) as refused:
        next_state(status, action)
    assert refused.value.details["allowed"] == [allowed.value for s, allowed in sorted_pairs() if s is status]


def sorted_pairs() -> list[tuple[Status, Action]]:
    return sorted(EXPECTED, key=lambda pair: (list(Status).index(pair[0]), list(Action).index(pair[1])))


def test_the_table_holds_nothing_else() -> None:
    assert set(TRANSITIONS) == set(EXPECTED)


def test_nobody_can_be_released_from_an_unassigned_ticket() -> None:
    assert Action.RELEASE not in allowed_actions(Status.OPEN, is_assigned=False)
    assert Action.RELEASE in allowed_actions(Status.OPEN, is_assigned=True)
