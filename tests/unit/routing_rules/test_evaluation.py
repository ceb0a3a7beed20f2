"""Ordered rules: who decides, what adds up, what stops, and that monitored rules change nothing."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.base import AgentId, PolicyId, TeamId
from shared.contracts.events import RuleEffects
from shared.contracts.vocabulary import Priority
from shared.domain.routing_rules import CompiledRule, RulesOutcome, TicketFacts, evaluate, in_order

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TEAMS = [TeamId(UUID(int=number)) for number in range(1, 4)]
FACTS = TicketFacts(received_at=NOON)


def rule(position: int, *, holds: bool = True, **changes: Any) -> CompiledRule:
    options = {name: changes.pop(name) for name in ("stops", "is_monitored", "overrides") if name in changes}
    return CompiledRule(
        rule_id=UUID(int=position),
        version=1,
        position=position,
        name=f"rule {position}",
        holds=lambda _: holds,
        effects=RuleEffects(**changes),
        **options,
    )


def positions(outcome: RulesOutcome) -> list[int]:
    return [one.position for one in outcome.matched]


def test_the_first_that_matches_decides_and_stops() -> None:
    rules = in_order([rule(3, team_id=TEAMS[2]), rule(1, holds=False, team_id=TEAMS[0]), rule(2, team_id=TEAMS[1])])
    outcome = evaluate(rules, FACTS)
    assert (outcome.team_id, positions(outcome)) == (TEAMS[1], [2])


def test_rules_that_do_not_stop_add_up_and_the_earlier_wins() -> None:
    rules = [
        rule(1, stops=False, priority=Priority.HIGH, tags=("vip",), skills={"german": 2}),
        rule(2, stops=False, priority=Priority.LOW, tags=("vip", "bank"), skills={"german": 1, "payments": 3}),
        rule(3, team_id=TEAMS[0], skills={"german": 4}),
        rule(4, team_id=TEAMS[1], tags=("never",)),
    ]
    outcome = evaluate(rules, FACTS)
    assert outcome.team_id == TEAMS[0]
    assert outcome.priority is Priority.HIGH
    assert outcome.tags == ("vip", "bank")
    assert outcome.skills == {"german": 4, "payments": 3}
    assert positions(outcome) == [1, 2, 3]
    assert outcome.matched[1].effects == RuleEffects(tags=("bank",), skills={"payments": 3})


def test_a_priority_that_was_asked_for_stands_unless_the_rule_overrides() -> None:
    asked = TicketFacts(received_at=NOON, priority=Priority.LOW, is_priority_given=True)
    assert evaluate([rule(1, priority=Priority.HIGH)], asked).priority is None
    assert evaluate([rule(1, priority=Priority.HIGH, overrides=True)], asked).priority is Priority.HIGH
    assert evaluate([rule(1, priority=Priority.HIGH)], FACTS).priority is Priority.HIGH


def test_a_monitored_rule_says_what_it_would_have_done() -> None:
    rules = [
        rule(1, stops=False, tags=("a",)),
        rule(2, is_monitored=True, team_id=TEAMS[0], tags=("a", "b")),
        rule(3, team_id=TEAMS[1]),
        rule(4, is_monitored=True, team_id=TEAMS[2]),
    ]
    outcome = evaluate(rules, FACTS)
    assert (outcome.team_id, outcome.tags) == (TEAMS[1], ("a",))
    assert [one.position for one in outcome.monitored] == [2]
    assert outcome.monitored[0].effects == RuleEffects(team_id=TEAMS[0], tags=("b",))


effects = st.fixed_dictionaries(
    {},
    optional={
        "team_id": st.sampled_from(TEAMS),
        "priority": st.sampled_from(Priority),
        "policy_id": st.sampled_from([PolicyId(UUID(int=number)) for number in (7, 8)]),
        "assignee_id": st.sampled_from([AgentId(UUID(int=number)) for number in (5, 6)]),
        "tags": st.lists(st.sampled_from(["a", "b", "c"]), unique=True).map(tuple),
        "skills": st.dictionaries(st.sampled_from(["x", "y"]), st.integers(1, 5)),
    },
)


@st.composite
def tables(draw: st.DrawFn) -> list[CompiledRule]:
    found = draw(st.lists(st.tuples(effects, st.booleans(), st.booleans(), st.booleans(), st.booleans()), max_size=8))
    return [
        rule(number, holds=holds, stops=stops, is_monitored=monitored, overrides=overrides, **says)
        for number, (says, holds, stops, monitored, overrides) in enumerate(found, 1)
    ]


asked_for = st.builds(
    lambda priority, given: TicketFacts(received_at=NOON, priority=priority, is_priority_given=given),
    st.sampled_from(Priority),
    st.booleans(),
)


@given(tables(), asked_for)
def test_monitored_rules_never_change_the_result(rules: list[CompiledRule], facts: TicketFacts) -> None:
    with_them = evaluate(rules, facts)
    without = evaluate([one for one in rules if not one.is_monitored], facts)
    assert replace(with_them, monitored=()) == replace(without, monitored=())


@given(tables(), asked_for)
def test_nothing_counts_after_a_rule_that_stops(rules: list[CompiledRule], facts: TicketFacts) -> None:
    outcome = evaluate(rules, facts)
    live = [one for one in rules if one.holds(facts) and not one.is_monitored]
    ends = next((number for number, one in enumerate(live) if one.stops), len(live) - 1)
    assert positions(outcome) == [one.position for one in live[: ends + 1]]
    last = live[ends].position if live and live[ends].stops else 99
    assert all(one.position < last for one in outcome.monitored)


@given(tables(), asked_for)
def test_the_first_that_says_something_decides_it_and_lists_add_up(
    rules: list[CompiledRule], facts: TicketFacts
) -> None:
    outcome = evaluate(rules, facts)
    taken = [rules[position - 1] for position in positions(outcome)]
    for name in ("team_id", "policy_id", "assignee_id"):
        said = [getattr(one.effects, name) for one in taken if getattr(one.effects, name) is not None]
        assert getattr(outcome, name) == (said[0] if said else None)
    may = [one.effects.priority for one in taken if one.overrides or not facts.is_priority_given]
    assert outcome.priority == next((one for one in may if one is not None), None)
    assert set(outcome.tags) == {tag for one in taken for tag in one.effects.tags}
    assert len(outcome.tags) == len(set(outcome.tags))
    for name, level in outcome.skills.items():
        assert level == max(one.effects.skills.get(name, 0) for one in taken)


@given(tables(), asked_for)
def test_what_each_rule_decided_adds_up_to_the_result(rules: list[CompiledRule], facts: TicketFacts) -> None:
    outcome = evaluate(rules, facts)
    for name in ("team_id", "priority", "policy_id", "assignee_id"):
        said = [getattr(one.effects, name) for one in outcome.matched if getattr(one.effects, name) is not None]
        assert said == ([getattr(outcome, name)] if getattr(outcome, name) is not None else [])
