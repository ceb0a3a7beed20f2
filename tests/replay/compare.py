"""Says whether a ticket that lived as a real workflow was judged as the pure rules judge it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.contracts.events import Envelope
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import Verdict
from shared.domain.business_time import business_time_between
from tests.replay.pure import Deed, PlayedIncident, Verdicts, difference, live_again, recomputed, settled

ZERO = timedelta()


@dataclass
class Compared:
    """What was found for one incident."""

    number: str
    verdicts: int = 0
    events: int = 0
    drift: timedelta = ZERO
    faults: list[str] = field(default_factory=list)
    outcomes: list[tuple[str, str]] = field(default_factory=list)
    on_the_edge: list[str] = field(default_factory=list)
    """Verdicts that the server's drift alone decided otherwise than the plan: nearer to due than the drift."""

    @property
    def is_equal(self) -> bool:
        """Whether all three comparisons agree."""
        return not self.faults


def unfinished(life: PlayedIncident, fault: str) -> Compared:
    """An incident that could not be compared, which is a mismatch."""
    return Compared(life.incident.number, faults=[fault])


def compare(
    life: PlayedIncident, done: Sequence[Deed], envelopes: Sequence[Envelope], policy: PolicySnapshot, drift: timedelta
) -> Compared:
    """Compares the live verdicts three ways.

    1. With `verdicts(published events, policies)`: equal to the microsecond.
    2. With the pure rules given the same deeds at the instants the workflow took them: equal to the microsecond.
    3. With run (a), which had them at the log's instants. The server's clock runs on while it works, so a command is
       taken some milliseconds late: outcomes must be equal, and instants within the sum of the ticket's delays.
    """
    live = settled(envelope.open() for envelope in envelopes)
    found = Compared(life.incident.number, len(live), len(envelopes), drift)
    found.outcomes = [(verdict.metric.value, verdict.outcome.value) for verdict in live.values()]
    ways = {
        "from the published events": recomputed(envelopes, policy),
        "from the same deeds": live_again(life.opening, done),
    }
    for way, judged in ways.items():
        if (fault := difference(live, judged)) is not None:
            found.faults.append(f"{way}: {fault}")
    _with_plan(found, live, life, policy, allowance(life.deeds, done))
    return found


def allowance(planned: Sequence[Deed], done: Sequence[Deed]) -> timedelta:
    """By how much a ticket's clocks may differ from the plan: all its delays together."""
    return sum((after.at - before.at for before, after in zip(planned, done, strict=True)), ZERO)


def _with_plan(
    found: Compared, live: Verdicts, life: PlayedIncident, policy: PolicySnapshot, allowed: timedelta
) -> None:
    if live.keys() != life.verdicts.keys():
        found.faults.append(f"run (a) has the verdicts {sorted(life.verdicts)}, the workflow {sorted(live)}")
        return
    for key, verdict in live.items():
        planned = life.verdicts[key]
        name = f"{key[0]} {key[1]}"
        if verdict.outcome is not planned.outcome:
            is_edge = _from_due(planned, policy) <= allowed
            told = f"{name}: {verdict.outcome} live, {planned.outcome} in run (a)"
            (found.on_the_edge if is_edge else found.faults).append(told)
        elif (apart := _apart(verdict, planned, policy)) > allowed:
            found.faults.append(f"{name}: {apart} apart from run (a) with {allowed} of drift: {verdict!r}, {planned!r}")


def _from_due(verdict: Verdict, policy: PolicySnapshot) -> timedelta:
    """How near to its due instant a clock was settled, in open time."""
    if verdict.due_at is None:
        return abs(verdict.elapsed - verdict.target)
    return business_time_between(policy.calendar, *_sorted(verdict.due_at, verdict.settled_at))


def _apart(one: Verdict, other: Verdict, policy: PolicySnapshot) -> timedelta:
    """The greatest distance of two verdicts' figures; due instants in open time, as targets are counted."""
    same = one.model_copy(update={"elapsed": other.elapsed, "settled_at": other.settled_at, "due_at": other.due_at})
    if same != other or (one.due_at is None) != (other.due_at is None):
        return timedelta.max
    dues = _sorted(one.due_at or one.settled_at, other.due_at or one.settled_at)
    return max(
        abs(one.elapsed - other.elapsed),
        abs(one.settled_at - other.settled_at),
        business_time_between(policy.calendar, *dues),
    )


def _sorted(one: datetime, other: datetime) -> tuple[datetime, datetime]:
    return (one, other) if one <= other else (other, one)
