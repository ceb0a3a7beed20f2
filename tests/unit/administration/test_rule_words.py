"""When a routing rule matches, in words: the domain's in English, and in the reader's language."""

from typing import Any

import pytest

from services.assignment.web.admin.rule_words import TRANSLATED
from shared.contracts.routing import ConditionGroup
from shared.domain.routing_rules import describe_conditions
from shared.kit.i18n.languages import LANGUAGES, use_language

MANY = ["one.example", "two.example", "three.example", "four.example", "five.example", "six.example"]
CONDITIONS: list[dict[str, Any]] = [
    {"field": "topic", "values": ["payments", ""]},
    {"field": "channel", "op": "is_not", "values": ["email"]},
    {"field": "priority", "values": ["urgent", "high"]},
    {"field": "domain", "values": MANY},
    {"field": "text", "op": "all", "values": ["refund", "card"]},
    {"field": "subject", "op": "none", "values": ["test"]},
    {"field": "form_field", "name": "amount", "op": "at_least", "values": ["100"]},
    {"field": "form_field", "name": "amount", "op": "at_most", "values": ["100"]},
    {"field": "form_field", "name": "plan", "op": "is_set"},
    {"field": "form_field", "name": "plan", "op": "is_not_set"},
    {"field": "form_field", "name": "plan", "op": "is_not", "values": ["gold", "silver"]},
    {"field": "form_field", "name": "plan", "op": "any", "values": ["gold", "silver"]},
    {"field": "time", "calendar": "office"},
    {"field": "time", "op": "outside", "calendar": "office"},
    {"field": "time", "timezone": "UTC", "hours": ["09:00", "17:00"]},
    {"field": "time", "op": "outside", "timezone": "UTC", "days": ["mon", "tue"]},
]


@pytest.mark.parametrize("match", ["all", "any", "none"])
def test_in_english_they_are_those_of_the_domain(match: str) -> None:
    group = ConditionGroup.model_validate({"match": match, "conditions": CONDITIONS})
    assert describe_conditions(group, TRANSLATED) == describe_conditions(group)
    nested = ConditionGroup.model_validate({"match": match, "groups": [{"match": "any", "conditions": CONDITIONS[:2]}]})
    assert describe_conditions(nested, TRANSLATED) == describe_conditions(nested)
    assert describe_conditions(ConditionGroup(), TRANSLATED) == ""


def test_in_german_they_are_german() -> None:
    group = ConditionGroup.model_validate({"match": "none", "conditions": [CONDITIONS[2], CONDITIONS[4]]})
    with use_language(LANGUAGES["de"]):
        assert describe_conditions(group, TRANSLATED) == (
            "nicht (Priorität Dringend oder Hoch oder Betreff oder Text hat „refund“ und „card“)"
        )
