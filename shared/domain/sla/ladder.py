"""The escalation ladder: which step of a policy is next for a clock, and when."""

from datetime import datetime, timedelta

from shared.contracts.policies import EscalationStep, PolicySnapshot
from shared.domain.business_time import add_business_time
from shared.domain.sla.clock import TICK, ZERO, SlaClock

Due = tuple[datetime, int]
"""When a step is due, and its index in the policy."""


def next_step(clock: SlaClock, policy: PolicySnapshot) -> Due | None:
    """The step that is due first of those the clock has still to take; None if none can come as things stand."""
    dues: list[Due] = []
    for index, step in enumerate(policy.escalations):
        taken = clock.escalated.get(index, 0)
        if step.metric is clock.metric and taken < step.times:
            at = _moment(clock, step, taken, policy)
            if at is not None:
                dues.append((at, index))
    return min(dues, default=None)


def carried(clock: SlaClock, policy: PolicySnapshot) -> dict[int, int]:
    """What of another policy's ladder counts as taken: everything that lies behind the clock as it stands.

    So a change of policy never sends a storm of steps that are long past.
    """
    taken: dict[int, int] = {}
    for index, step in enumerate(policy.escalations):
        start = _used_at(clock, step) if step.metric is clock.metric else None
        if start is None or clock.elapsed < start:
            continue
        every = step.repeat_every_seconds
        repeated = 0 if every is None else (clock.elapsed - start) // timedelta(seconds=every)
        taken[index] = min(step.times, 1 + repeated)
    return taken


def rearmed(clock: SlaClock, policy: PolicySnapshot) -> dict[int, int]:
    """After another target: steps at a share of it that is not reached any more can be taken again."""
    kept: dict[int, int] = {}
    for index, times in clock.escalated.items():
        if index < len(policy.escalations):
            start = _used_at(clock, policy.escalations[index])
            if start is not None and clock.elapsed >= start:
                kept[index] = times
    return kept


def _used_at(clock: SlaClock, step: EscalationStep) -> timedelta | None:
    """The open time used at which a step is first due; None where that cannot be said (yet)."""
    if step.after_breach_seconds is not None:
        return None if clock.breached_at is None else clock.breached_used + timedelta(seconds=step.after_breach_seconds)
    return None if clock.target is None else clock.target * (step.at_percent or 0) / 100


def _moment(clock: SlaClock, step: EscalationStep, taken: int, policy: PolicySnapshot) -> datetime | None:
    again = timedelta(seconds=(step.repeat_every_seconds or 0) * taken)
    if clock.fixed_due_at is not None:
        return _moment_by_hand(clock, step, again, policy)
    start = _used_at(clock, step)
    if start is None:
        return None
    is_with_breach = step.after_breach_seconds is not None or (step.at_percent or 0) >= 100
    at = clock.instant_of(start + again, policy)
    return at + TICK if at is not None and is_with_breach else at


def _moment_by_hand(clock: SlaClock, step: EscalationStep, again: timedelta, policy: PolicySnapshot) -> datetime | None:
    """Of a due instant set by hand: its share of wall time, and open time after it."""
    if step.after_breach_seconds is None:
        share = clock.instant_of_percent(step.at_percent or 0, policy)
        at = share if share is None or again == ZERO else add_business_time(policy.calendar, share, again)
        return at + TICK if at is not None and (step.at_percent or 0) >= 100 else at
    if clock.breached_at is None:
        return None
    after = timedelta(seconds=step.after_breach_seconds) + again
    return (clock.breached_at if after == ZERO else add_business_time(policy.calendar, clock.breached_at, after)) + TICK
