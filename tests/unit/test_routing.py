"""Which rule and which agent: tables of what goes in and what comes out."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from shared.contracts.base import AgentId, TeamId
from shared.contracts.events import Candidate
from shared.contracts.vocabulary import Priority
from shared.domain.routing import FALLBACK, AgentChoice, Rule, first_match, pick_agent, priority_for

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TEAM = TeamId(UUID(int=10))
A, B, C = (AgentId(UUID(int=number)) for number in (1, 2, 3))


def candidate(
    agent: AgentId, load: int, idle_minutes: int | None = 10, *skills: str, is_available: bool = True
) -> Candidate:
    last = NOON - timedelta(minutes=idle_minutes) if idle_minutes is not None else None
    return Candidate(agent_id=agent, load=load, is_available=is_available, skills=skills, last_assigned_at=last)


@pytest.mark.parametrize(
    ("candidates", "choice"),
    [
        ([], AgentChoice(None)),
        ([candidate(A, 3)], AgentChoice(A)),
        ([candidate(A, 3), candidate(B, 2)], AgentChoice(B)),
        ([candidate(A, 0, is_available=False), candidate(B, 9)], AgentChoice(B)),
        ([candidate(A, 1, 5), candidate(B, 1, 50)], AgentChoice(B, "longest_idle")),
        ([candidate(A, 1, 5), candidate(B, 1, None)], AgentChoice(B, "longest_idle")),
        ([candidate(B, 1, 5), candidate(A, 1, 5), candidate(C, 0, is_available=False)], AgentChoice(A, "lowest_id")),
        ([candidate(B, 1, None), candidate(A, 1, None)], AgentChoice(A, "lowest_id")),
        ([candidate(A, 0, is_available=False)], AgentChoice(None)),
    ],
)
def test_the_least_loaded_then_longest_idle_then_lowest_id_is_picked(
    candidates: list[Candidate], choice: AgentChoice
) -> None:
    assert pick_agent(candidates) == choice


def test_every_skill_asked_for_must_be_there() -> None:
    candidates = [candidate(A, 0, 10, "german"), candidate(B, 5, 10, "german", "payments")]
    assert pick_agent(candidates, frozenset({"german", "payments"})).agent_id == B
    assert pick_agent(candidates, frozenset({"cobol"})).agent_id is None


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
