"""Which rule: tables of what goes in and what comes out."""

from uuid import UUID

import pytest

from shared.contracts.base import TeamId
from shared.contracts.vocabulary import Priority
from shared.domain.routing import FALLBACK, Rule, first_match, priority_for

TEAM = TeamId(UUID(int=10))


@pytest.mark.parametrize(
    ("topic", "priority", "position"),
    [
        ("online-banking", Priority.URGENT, 10),
        ("online-banking", Priority.NORMAL, 20),
        ("access", Priority.URGENT, 30),
        (None, Priority.URGENT, 30),
        ("access", Priority.LOW, None),
        (None, Priority.LOW, None),
    ],
)
def test_the_first_rule_whose_conditions_all_hold_decides(
    topic: str | None, priority: Priority, position: int | None
) -> None:
    rules = [
        Rule(30, TEAM, priority=Priority.URGENT),
        Rule(20, TEAM, topic="online-banking"),
        Rule(10, TEAM, topic="online-banking", priority=Priority.URGENT),
    ]
    found = first_match(rules, topic, priority)
    assert (found.position if found else None) == position


def test_a_rules_priority_never_overrules_one_that_was_asked_for() -> None:
    rule = Rule(10, TEAM, set_priority=Priority.HIGH)
    assert priority_for(rule, Priority.NORMAL, is_given=False) is Priority.HIGH
    assert priority_for(rule, Priority.NORMAL, is_given=True) is Priority.NORMAL
    assert priority_for(Rule(10, TEAM), Priority.LOW, is_given=False) is Priority.LOW
    assert priority_for(None, Priority.LOW, is_given=False) is Priority.LOW


def test_rules_say_in_words_why_they_matched() -> None:
    assert Rule(10, TEAM, topic="access").in_words == "rule 10: topic access"
    assert Rule(7, TEAM).in_words == "rule 7: any ticket"
    assert Rule(FALLBACK, TEAM).in_words == "no rule matches: the fallback team"
