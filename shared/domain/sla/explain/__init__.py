"""Why a verdict is what it is: what counted, who held the time, and what would have met it."""

from collections.abc import Iterable
from datetime import datetime

from shared.contracts.events import Envelope, LifecycleEvent, TicketHeld
from shared.contracts.policies import PolicySnapshot
from shared.contracts.vocabulary import ClockState
from shared.domain.sla.explain.holders import Holders
from shared.domain.sla.explain.intervals import intervals_of, shares_of
from shared.domain.sla.explain.remedies import remedy_of
from shared.domain.sla.explain.values import (
    Explanation,
    Holder,
    HolderKind,
    Interval,
    Remedy,
    Rules,
    Share,
    Why,
)
from shared.domain.sla.explain.watch import WatchedClock, watch_clocks
from shared.domain.sla.verdicts import History, Policies

__all__ = [
    "Explanation",
    "Holder",
    "HolderKind",
    "Interval",
    "Remedy",
    "Rules",
    "Share",
    "Why",
    "explain",
]


def explain(events: Iterable[Envelope], policies: Policies, as_of: datetime) -> list[Explanation]:
    """Every clock of one ticket that has a target, told up to `as_of` or its end, in the order of their starts.

    `events` and `policies` are what `verdicts` takes, and every elapsed time and outcome is what it says. Raises
    ValueError without `ticket.opened`, KeyError for a policy that is not given.
    """
    envelopes = list(events)
    history = History.of(envelopes, policies)
    opened = [event for envelope in envelopes if isinstance(event := envelope.open(), LifecycleEvent)]
    reasons = {event.seq: event.reason for event in opened if isinstance(event, TicketHeld)}
    now = max([as_of, *(fact.at for fact in history.facts)])
    watched, policy = watch_clocks(history, Holders(opened), reasons, now)
    return [_explanation(one, history, policy, now) for one in watched if policy and one.clock.target is not None]


def _explanation(watched: WatchedClock, history: History, policy: PolicySnapshot, now: datetime) -> Explanation:
    clock = watched.clock
    going = ClockState.RUNNING if clock.is_running else ClockState.PAUSED
    return Explanation(
        metric=clock.metric,
        cycle=clock.cycle,
        state=ClockState.SETTLED if clock.is_settled else going,
        outcome=clock.outcome,
        is_late=clock.breached_at is not None,
        target=clock.elapsed if clock.target is None else clock.target,
        elapsed=clock.elapsed if clock.is_settled else clock.elapsed_at(now, policy),
        started_at=clock.started_at,
        until=clock.settled_at or now,
        due_at=clock.breached_at or clock.due_at,
        is_due_by_hand=clock.fixed_due_at is not None,
        rules=tuple(watched.rules),
        intervals=intervals_of(watched.stretches),
        shares=shares_of(watched.stretches),
        remedy=remedy_of(watched, history),
    )
