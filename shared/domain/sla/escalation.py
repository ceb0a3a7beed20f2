"""The escalation ladder: which step of a policy is next for a clock, and when."""

from datetime import datetime, timedelta

from shared.contracts.policies import EscalationStep, PolicySnapshot, WorkingDays
from shared.domain.business_time import add_business_time, add_working_days, next_opening
from shared.domain.sla.clock import TICK, ZERO, SlaClock, open_time_of

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
        times = _times_behind(clock, step, policy) if step.metric is clock.metric else 0
        if times:
            taken[index] = times
    return taken


def _times_behind(clock: SlaClock, step: EscalationStep, policy: PolicySnapshot) -> int:
    for times in range(step.times):
        used = _used_at(clock, step, times, policy)
        if used is None or clock.elapsed < used:
            return times
    return step.times


def rearmed(clock: SlaClock, policy: PolicySnapshot) -> dict[int, int]:
    """After another target: steps at a share of it that is not reached any more can be taken again."""
    kept: dict[int, int] = {}
    for index, times in clock.escalated.items():
        if index < len(policy.escalations):
            start = _used_at(clock, policy.escalations[index], 0, policy)
            if start is not None and clock.elapsed >= start:
                kept[index] = times
    return kept


def _used_at(clock: SlaClock, step: EscalationStep, taken: int, policy: PolicySnapshot) -> timedelta | None:
    """The open time used at which a step is due after so many times; None where that cannot be said (yet).

    Working days count from the breach, or from the clock's start where the step does not wait for the breach.
    """
    if step.after_breach_seconds is not None:
        if clock.breached_at is None:
            return None
        return clock.breached_used + _open_time_after(step, taken, clock.breached_at, policy)
    if clock.target is None:
        return None
    share = clock.target * (step.at_percent or 0) / 100
    return share + _open_time_after(step, taken, clock.started_at, policy)


def _wait(step: EscalationStep, taken: int) -> tuple[timedelta, int]:
    """What has to pass after the breach, or the share of the target: seconds, and working days."""
    seconds = days = 0
    for time, times in ((step.after_breach_seconds, 1), (step.repeat_every_seconds, taken)):
        if isinstance(time, WorkingDays):
            days += time.working_days * times
        else:
            seconds += (time or 0) * times
    return timedelta(seconds=seconds), days


def _open_time_after(step: EscalationStep, taken: int, since: datetime, policy: PolicySnapshot) -> timedelta:
    wait, days = _wait(step, taken)
    return wait if not days else wait + open_time_of(WorkingDays.model_construct(working_days=days), since, policy)


def _moment(clock: SlaClock, step: EscalationStep, taken: int, policy: PolicySnapshot) -> datetime | None:
    if clock.fixed_due_at is not None:
        return _moment_by_hand(clock, step, taken, policy)
    used = _used_at(clock, step, taken, policy)
    at = None if used is None else clock.instant_of(used, policy)
    if at is not None and _wait(step, taken)[1]:
        at = next_opening(policy.calendar, at)
    is_with_breach = step.after_breach_seconds is not None or (step.at_percent or 0) >= 100
    return at + TICK if at is not None and is_with_breach else at


def _moment_by_hand(clock: SlaClock, step: EscalationStep, taken: int, policy: PolicySnapshot) -> datetime | None:
    """Of a due instant set by hand: its share of wall time, and open time after it."""
    is_share = step.after_breach_seconds is None
    since = clock.instant_of_percent(step.at_percent or 0, policy) if is_share else clock.breached_at
    if since is None:
        return None
    wait, days = _wait(step, taken)
    at = add_working_days(policy.calendar, since, days) if days else since
    at = at if wait == ZERO else add_business_time(policy.calendar, at, wait)
    return at if is_share and (step.at_percent or 0) < 100 else at + TICK
