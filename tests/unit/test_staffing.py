"""The staffing simulation: against Erlang's formula, over shifts, and as a measurement of work."""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from services.assignment.calendar_resolution import resolve
from services.assignment.schemas.staffing import HandlingInput, StaffingPoint
from services.assignment.staffing.arrivals import ArrivalRates, TicketArrival, generate_arrivals
from services.assignment.staffing.erlang import erlang_c
from services.assignment.staffing.figures import figures_of
from services.assignment.staffing.handling import Held, draw_handling, measure_handling
from services.assignment.staffing.simulation import StaffingScenario, StaffingSimulation
from shared.contracts.base import PolicyId
from shared.contracts.calendars import BusinessCalendar
from shared.contracts.policies import PolicySnapshot, Targets
from shared.contracts.vocabulary import Priority, Strategy

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
ALWAYS = BusinessCalendar.model_validate(
    {
        "timezone": "UTC",
        "weekly": {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
    }
)
OFFICE = BusinessCalendar.model_validate(
    {"timezone": "UTC", "weekly": {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}}
)
HOUR = timedelta(hours=1)


def policy(calendar: BusinessCalendar, first: int, resolution: int) -> PolicySnapshot:
    return PolicySnapshot(
        policy_id=PolicyId(UUID(int=7)),
        version=1,
        name="Promise",
        targets={one: Targets(first_response=first, resolution=resolution) for one in Priority},
        warn_at=(),
        calendar=resolve(calendar, "c", 1, MONDAY),
    )


def scenario(arrivals: list[TicketArrival], work: list[timedelta], **changes: object) -> StaffingScenario:
    values: dict[str, object] = {
        "arrivals": arrivals,
        "work": work,
        "policy": policy(ALWAYS, 1800, 7200),
        "strategy": Strategy.LEAST_LOADED,
        "shifts": [None],
        "open_tickets": 1,
        "first_response_share": 0.0,
        "since": MONDAY,
        "until": max(arrival.at for arrival in arrivals),
    }
    return StaffingScenario(**(values | changes))  # type: ignore[arg-type]


def simulated(asked: StaffingScenario, agents: int) -> tuple[StaffingSimulation, StaffingPoint]:
    run = StaffingSimulation(asked, agents)
    run.run()
    return run, figures_of(run, agents, 90, None, HOUR)


def poisson() -> StaffingScenario:
    """Ten tickets an hour, each 24 minutes of work: four agents' worth."""
    random, rates = Random(12), ArrivalRates((10.0,), ZoneInfo("UTC"))
    arrivals = generate_arrivals(rates, {Priority.NORMAL: 1.0}, MONDAY, MONDAY + timedelta(days=100), random)
    work = HandlingInput(source="given", distribution="exponential", mean_seconds=1440)
    return scenario(arrivals, draw_handling(work, len(arrivals), random))


@pytest.mark.parametrize("agents", [5, 6])
def test_the_simulation_agrees_with_erlang_where_its_assumptions_hold(agents: int) -> None:
    _, found = simulated(poisson(), agents)
    formula = erlang_c(10, timedelta(minutes=24), agents)
    assert formula is not None
    probability, wait = formula
    assert found.waiting_share / 100 == pytest.approx(probability, rel=0.05)
    assert found.mean_wait_seconds == pytest.approx(wait.total_seconds(), rel=0.05)
    assert found.busy_share == pytest.approx(100 * 4 / agents, rel=0.02)


def test_work_rests_outside_the_agents_hours_and_goes_on_when_they_open() -> None:
    friday = MONDAY + timedelta(days=4, hours=16, minutes=30)
    arrivals = [TicketArrival(friday, Priority.NORMAL), TicketArrival(friday, Priority.URGENT)]
    asked = scenario(arrivals, [HOUR, HOUR], shifts=[resolve(OFFICE, "office", 1, MONDAY)], since=friday)
    run, found = simulated(asked, 1)
    ends = [ticket.finished_at for ticket in run.tickets]
    assert ends == [MONDAY + timedelta(days=7, hours=9.5), MONDAY + timedelta(days=7, hours=10.5)]
    assert (found.unfinished, found.most_waiting, found.is_enough) == (0, 1, False)
    assert [(one.met, one.breached) for one in found.metrics] == [(1, 1), (0, 2)]


def test_agents_who_begin_together_share_what_waited_over_night() -> None:
    arrivals = [TicketArrival(MONDAY + timedelta(minutes=number), Priority.NORMAL) for number in range(6)]
    office = resolve(OFFICE, "office", 1, MONDAY)
    run, found = simulated(scenario(arrivals, [HOUR] * 6, shifts=[office], open_tickets=None), 3)
    assert sorted(ticket.started_at for ticket in run.tickets if ticket.started_at) == sorted(
        [MONDAY + timedelta(hours=9)] * 3 + [MONDAY + timedelta(hours=10)] * 3
    )
    assert (found.busy_share, found.unfinished) == (100.0, 0)


def test_too_few_agents_leave_tickets_that_count_as_missed() -> None:
    arrivals = [TicketArrival(MONDAY + number * HOUR, Priority.NORMAL) for number in range(24)]
    _, found = simulated(scenario(arrivals, [timedelta(days=3)] * 24), 1)
    assert found.unfinished > 15
    assert sum(one.met + one.breached for one in found.metrics) == 48
    assert not found.is_enough


def test_an_agents_time_is_shared_by_the_tickets_they_hold() -> None:
    agent, one, two = UUID(int=1), UUID(int=2), UUID(int=3)
    held = [Held(one, agent, MONDAY, MONDAY + 3 * HOUR), Held(two, agent, MONDAY + HOUR, MONDAY + 2 * HOUR)]
    worked = measure_handling(held, lambda since, until: until - since)
    assert worked == {one: 2.5 * HOUR, two: 0.5 * HOUR}


def test_generated_arrivals_follow_the_hours_of_the_day() -> None:
    rates = ArrivalRates([0.0] * 9 + [6.0] * 8 + [0.0] * 7, ZoneInfo("Europe/Berlin"))
    found = generate_arrivals(rates, {Priority.LOW: 1, Priority.HIGH: 3}, MONDAY, MONDAY + timedelta(days=7), Random(1))
    assert len(found) == 6 * 8 * 7
    assert {arrival.at.astimezone(rates.zone).hour for arrival in found} == set(range(9, 17))
    assert sum(arrival.priority is Priority.HIGH for arrival in found) == pytest.approx(252, rel=0.1)
    again = generate_arrivals(rates, {Priority.LOW: 1, Priority.HIGH: 3}, MONDAY, MONDAY + timedelta(days=7), Random(1))
    assert found == again
