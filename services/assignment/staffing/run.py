"""Answers a staffing question: one simulation for each number of agents."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.assignment.schemas.staffing import MOST_CHOICES, StaffingPoint, StaffingReport
from services.assignment.staffing.figures import figures_of, is_erlang
from services.assignment.staffing.scenarios import PreparedStaffing, StaffingQuestion, prepare
from services.assignment.staffing.simulation import StaffingSimulation
from shared.domain.business_time import InstantOutOfRange, NoOpenTime
from shared.kit.http.problems import Problem, invalid

StaffingProgress = Callable[[int, int], None]
"""Told how many arrivals were simulated, of how many over all points."""


async def simulate_staffing(
    connection: AsyncConnection, question: StaffingQuestion, progress: StaffingProgress = lambda _done, _of: None
) -> StaffingReport:
    """Returns the report; blocks while it computes. Raises Problem 404 and 422."""
    prepared = await prepare(connection, question)
    points = question.asked.points
    if len(prepared.scenario.arrivals) * sum(points) > MOST_CHOICES:
        raise Problem(422, "too_large", "too many arrivals for so many agents: choose fewer days or a larger step")
    try:
        return _report(prepared, _points(question, prepared, progress))
    except (NoOpenTime, InstantOutOfRange) as problem:
        raise invalid("/hours", "these hours end before the work is done") from problem


def _points(question: StaffingQuestion, prepared: PreparedStaffing, progress: StaffingProgress) -> list[StaffingPoint]:
    scenario, asked = prepared.scenario, question.asked
    total, done = len(scenario.arrivals) * len(asked.points), 0

    def told(more: int) -> None:
        nonlocal done
        done += more
        progress(done, total)

    given = asked.handling
    rates = asked.arrivals.hourly_rates if asked.arrivals.source == "generated" else ()
    is_formula = is_erlang(
        scenario,
        has_one_rate=len(set(rates)) == 1,
        is_exponential=given.source == "given" and given.distribution == "exponential",
    )
    points = []
    for agents in asked.points:
        run = StaffingSimulation(scenario, agents)
        run.run(told)
        rate = rates[0] if is_formula else None
        mean = timedelta(seconds=given.mean_seconds)
        points.append(figures_of(run, agents, asked.goal_percent, rate, mean))
    return points


def _report(prepared: PreparedStaffing, points: list[StaffingPoint]) -> StaffingReport:
    scenario = prepared.scenario
    arrivals, length = len(scenario.arrivals), scenario.until - scenario.since
    return StaffingReport(
        team=prepared.team,
        policy=scenario.policy.name,
        strategy=scenario.strategy,
        since=scenario.since,
        until=scenario.until,
        arrivals=arrivals,
        arrivals_per_hour=round(arrivals / (length / timedelta(hours=1)), 2),
        mean_handling_seconds=round(sum(scenario.work, timedelta()).total_seconds() / arrivals, 1),
        measured_tickets=prepared.measured,
        enough=next((point.agents for point in points if point.is_enough), None),
        points=points,
    )
