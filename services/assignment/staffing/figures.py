"""The figures of one simulated number of agents."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from services.assignment.schemas.staffing import ErlangC, StaffedMetric, StaffingPoint
from services.assignment.staffing.erlang import erlang_c
from services.assignment.staffing.simulation import StaffingScenario, StaffingSimulation
from shared.contracts.vocabulary import Metric, Outcome

SHOWN = (Metric.FIRST_RESPONSE, Metric.RESOLUTION)
"""A next response needs a requester who writes again."""


def figures_of(run: StaffingSimulation, agents: int, goal: float, rate: float | None, mean: timedelta) -> StaffingPoint:
    """Returns what one run has shown. `rate` is given where Erlang's assumptions hold."""
    waits = sorted(
        (ticket.started_at - ticket.arrival.at).total_seconds()
        for ticket in run.tickets
        if ticket.started_at is not None
    )
    unfinished = sum(ticket.finished_at is None for ticket in run.tickets)
    metrics = _metrics(run)
    judged = [one.attainment for one in metrics if one.attainment is not None]
    return StaffingPoint(
        agents=agents,
        metrics=metrics,
        mean_wait_seconds=round(sum(waits) / len(waits), 3) if waits else 0.0,
        median_wait_seconds=_percentile(waits, 50),
        p90_wait_seconds=_percentile(waits, 90),
        waiting_share=round(100 * sum(wait > 0 for wait in waits) / len(waits), 2) if waits else 0.0,
        busy_share=_busy_share(run),
        most_waiting=run.most_waiting,
        unfinished=unfinished,
        is_enough=unfinished == 0 and all(one >= goal for one in judged),
        erlang_c=_erlang(rate, mean, agents),
    )


def is_erlang(scenario: StaffingScenario, *, has_one_rate: bool, is_exponential: bool) -> bool:
    """Whether the assumptions of Erlang's formula hold: one queue, in order of arrival, agents always there."""
    return (
        has_one_rate
        and is_exponential
        and scenario.open_tickets == 1
        and len({arrival.priority for arrival in scenario.arrivals}) == 1
        and all(shift is None for shift in scenario.shifts)
    )


def _metrics(run: StaffingSimulation) -> list[StaffedMetric]:
    counted = Counter((verdict.metric, verdict.outcome) for verdict in run.verdicts)
    counted.update((metric, Outcome.BREACHED) for metric in run.late)
    return [
        StaffedMetric(
            metric=metric,
            met=(met := counted[metric, Outcome.MET]),
            breached=(breached := counted[metric, Outcome.BREACHED]),
            attainment=round(100 * met / (met + breached), 2) if met + breached else None,
        )
        for metric in SHOWN
    ]


def _percentile(values: Sequence[float], percent: int) -> float:
    """Returns the smallest of the sorted values that at least so many percent do not exceed."""
    return round(values[max(0, -(-len(values) * percent // 100) - 1)], 3) if values else 0.0


def _busy_share(run: StaffingSimulation) -> float | None:
    worked = sum(
        (run.scenario.work[ticket.number] for ticket in run.tickets if ticket.finished_at is not None), timedelta()
    )
    hours = run.open_time()
    return round(min(100.0, 100 * (worked / hours)), 1) if hours else None


def _erlang(rate: float | None, mean: timedelta, agents: int) -> ErlangC | None:
    found = None if rate is None else erlang_c(rate, mean, agents)
    if found is None:
        return None
    waiting, wait = found
    return ErlangC(waiting_probability=round(waiting, 5), mean_wait_seconds=round(wait.total_seconds(), 3))
