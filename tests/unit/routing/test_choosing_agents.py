"""Which agent: strategies, skills, room, absence and turns, as tables of what goes in and what comes out."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.base import AgentId, TeamId
from shared.contracts.vocabulary import Availability, DecidedBy, OutReason, Priority, Strategy
from shared.domain.routing import (
    Absence,
    AgentRoster,
    AgentStanding,
    Demand,
    Shares,
    SkillDemand,
    absence_reason,
    share_of,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TEAM = TeamId(UUID(int=10))
A, B, C = (AgentId(UUID(int=number)) for number in (1, 2, 3))
ANY = Demand(TEAM, Priority.NORMAL)


def agent(agent_id: AgentId, load: int = 0, idle_minutes: int | None = 10, **more: Any) -> AgentStanding:
    last = NOON - timedelta(minutes=idle_minutes) if idle_minutes is not None else None
    return AgentStanding(agent_id, load, last, **more)


def away(agent_id: AgentId) -> AgentStanding:
    return agent(agent_id, absent_as=OutReason.AWAY)


def deal(roster: AgentRoster, count: int, demand: Demand = ANY) -> Counter[AgentId | None]:
    """Gives out so many tickets, one after the other."""
    got: Counter[AgentId | None] = Counter()
    for number in range(count):
        chosen = roster.choose(demand).agent_id
        got[chosen] += 1
        if chosen is not None:
            roster.give(chosen, demand.priority, NOON + timedelta(microseconds=number))
    return got


@pytest.mark.parametrize(
    ("agents", "chosen", "decided_by", "tie_break"),
    [
        ([], None, DecidedBy.NOBODY_FITS, "none"),
        ([agent(A, 3)], A, DecidedBy.ONLY_CANDIDATE, "none"),
        ([agent(A, 3), agent(B, 2)], B, DecidedBy.FEWEST_OPEN, "none"),
        ([away(A), agent(B, 9)], B, DecidedBy.ONLY_CANDIDATE, "none"),
        ([agent(A, 1, 5), agent(B, 1, 50)], B, DecidedBy.FEWEST_OPEN, "longest_idle"),
        ([agent(A, 1, 5), agent(B, 1, None)], B, DecidedBy.FEWEST_OPEN, "longest_idle"),
        ([agent(B, 1, 5), agent(A, 1, 5), away(C)], A, DecidedBy.FEWEST_OPEN, "lowest_id"),
        ([agent(B, 1, None), agent(A, 1, None)], A, DecidedBy.FEWEST_OPEN, "lowest_id"),
        ([away(A)], None, DecidedBy.NOBODY_FITS, "none"),
        ([agent(A, 4, capacity=4), agent(B, 9, capacity=10)], B, DecidedBy.ONLY_CANDIDATE, "none"),
    ],
)
def test_least_loaded_picks_the_fewest_open_then_the_longest_idle_then_the_lowest_id(
    agents: list[AgentStanding], chosen: AgentId | None, decided_by: DecidedBy, tie_break: str
) -> None:
    choice = AgentRoster(Strategy.LEAST_LOADED, agents).choose(ANY)
    assert (choice.agent_id, choice.decided_by, choice.tie_break) == (chosen, decided_by, tie_break)


def test_round_robin_asks_whoever_waits_longest_whatever_their_load() -> None:
    roster = AgentRoster(Strategy.ROUND_ROBIN, [agent(A, 0, 5), agent(B, 9, 50), agent(C, 0, 20)])
    order = []
    for number in range(6):
        chosen = roster.choose(ANY).agent_id
        assert chosen is not None
        roster.give(chosen, Priority.NORMAL, NOON + timedelta(microseconds=number))
        order.append(chosen)
    assert order == [B, C, A, B, C, A]


def test_weights_share_out_tickets_and_nobody_catches_up_after_an_absence() -> None:
    roster = AgentRoster(Strategy.WEIGHTED, [agent(A, weight=3), agent(B, weight=1)])
    assert deal(roster, 40) == {A: 30, B: 10}
    roster.standings[B].absent_as = OutReason.AWAY
    assert deal(roster, 40) == {A: 40}
    roster.standings[B].absent_as = None
    assert deal(roster, 40)[B] in (10, 11)


def test_a_manual_team_gets_nobody_chosen_unless_a_rule_names_somebody() -> None:
    roster = AgentRoster(Strategy.MANUAL, [agent(A), agent(B)])
    assert roster.choose(ANY).decided_by is DecidedBy.MANUAL
    assert roster.choose(Demand(TEAM, Priority.NORMAL, assignee_id=B)).agent_id == B


@pytest.mark.parametrize(
    ("named", "chosen"), [(B, B), (A, C), (AgentId(UUID(int=99)), B)], ids=["can", "is full", "is not in the team"]
)
def test_whom_a_rule_names_gets_it_only_with_room_and_rights(named: AgentId, chosen: AgentId) -> None:
    agents = [agent(A, 2, capacity=2), agent(B, 5), agent(C, 1)]
    if named != A:
        agents = [agent(A, 2, capacity=2), agent(B, 1), agent(C, 5)]
    assert (
        AgentRoster(Strategy.LEAST_LOADED, agents).choose(Demand(TEAM, Priority.LOW, assignee_id=named)).agent_id
        == chosen
    )


@pytest.mark.parametrize(
    ("required", "preferred", "chosen"),
    [
        ({"payments": 1}, {}, A),
        ({"payments": 3}, {}, B),
        ({"payments": 5}, {}, None),
        ({"payments": 1, "german": 1}, {}, B),
        ({}, {"german": 1}, B),
        ({}, {"cobol": 1}, C),
        ({"payments": 1}, {"payments": 4}, B),
    ],
)
def test_required_skills_decide_who_may_and_preferred_ones_who_goes_first(
    required: dict[str, int], preferred: dict[str, int], chosen: AgentId | None
) -> None:
    agents = [
        agent(A, 1, skills={"payments": 2}),
        agent(B, 5, skills={"payments": 4, "german": 2}),
        agent(C, 0),
    ]
    demand = Demand(TEAM, Priority.NORMAL, required=_skills(required), preferred=_skills(preferred))
    choice = AgentRoster(Strategy.LEAST_LOADED, agents).choose(demand)
    assert choice.agent_id == chosen
    assert choice.out is not None
    if required:
        assert choice.out[C] is OutReason.LACKS_SKILL


def _skills(levels: dict[str, int]) -> tuple[SkillDemand, ...]:
    return tuple(SkillDemand(name, level) for name, level in levels.items())


def test_an_urgent_ticket_takes_as_much_room_as_it_weighs() -> None:
    roster = AgentRoster(Strategy.LEAST_LOADED, [agent(A, capacity=3, priority_weights={"urgent": 2})])
    urgent = Demand(TEAM, Priority.URGENT)
    assert deal(roster, 2, urgent) == {A: 1, None: 1}
    assert deal(roster, 2) == {A: 1, None: 1}


@pytest.mark.parametrize(
    ("availability", "today", "is_within_hours", "reason"),
    [
        (Availability.ONLINE, 20, True, None),
        (Availability.ONLINE, 20, False, OutReason.OUTSIDE_HOURS),
        (Availability.AWAY, 20, False, OutReason.AWAY),
        (Availability.OFFLINE, 20, True, OutReason.OFFLINE),
        (Availability.ONLINE, 24, True, OutReason.OUT_OF_OFFICE),
        (Availability.ONLINE, 26, True, OutReason.OUT_OF_OFFICE),
        (Availability.ONLINE, 27, True, None),
        (Availability.AWAY, 25, True, OutReason.OUT_OF_OFFICE),
    ],
)
def test_who_is_there(
    availability: Availability, today: int, reason: OutReason | None, *, is_within_hours: bool
) -> None:
    absences = (Absence(date(2026, 12, 24), date(2026, 12, 26)),)
    found = absence_reason(availability, date(2026, 12, today), absences, is_within_hours=is_within_hours)
    assert found is reason


@pytest.mark.parametrize(
    ("waiting", "expected", "share"), [(0, 4, 1), (3, 4, 1), (100, 4, 25), (101, 4, 26), (9, 0, 9)]
)
def test_a_share_is_an_equal_part_and_at_least_one(waiting: int, expected: int, share: int) -> None:
    assert share_of(waiting, expected) == share


def test_what_was_had_just_now_counts_against_the_share() -> None:
    shares = Shares(waiting=75, expected=4, had={A: 25})
    assert not shares.has_left(A)
    assert shares.has_left(B)
    for _ in range(25):
        shares.take(B)
    assert not shares.has_left(B)


loads = st.lists(st.integers(0, 12), min_size=1, max_size=8)


@given(loads=loads, strategy=st.sampled_from(Strategy), count=st.integers(0, 60), capacity=st.integers(0, 10))
def test_whatever_the_strategy_nobody_gets_more_than_they_have_room_for(
    loads: Iterable[int], strategy: Strategy, count: int, capacity: int
) -> None:
    agents = [
        AgentStanding(AgentId(UUID(int=number + 1)), load, capacity=capacity, weight=number + 1)
        for number, load in enumerate(loads)
    ]
    room = sum(max(0, capacity - one.load) for one in agents)
    got = deal(AgentRoster(strategy, agents), count)
    given_out = count - got[None]
    assert all(one.load <= capacity or got[one.agent_id] == 0 for one in agents)
    assert given_out == (0 if strategy is Strategy.MANUAL else min(room, count))


@given(count=st.integers(0, 200), size=st.integers(1, 20))
def test_round_robin_is_fair_within_one(count: int, size: int) -> None:
    agents = [AgentStanding(AgentId(UUID(int=number + 1))) for number in range(size)]
    got = deal(AgentRoster(Strategy.ROUND_ROBIN, agents), count)
    shares = [got[one.agent_id] for one in agents]
    assert max(shares) - min(shares) <= 1
