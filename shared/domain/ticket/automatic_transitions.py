"""What a ticket does when a timer expires: remind the requester, resolve, close, archive."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from shared.contracts.durations import Duration, WorkingDays
from shared.contracts.events import TicketArchived, TicketReminded
from shared.contracts.policies import LifecycleTimer, LifecycleTimes, PolicySnapshot
from shared.contracts.tickets import SYSTEM
from shared.contracts.vocabulary import CloseReason, Status
from shared.domain.business_time import add_business_time, add_working_days
from shared.domain.ticket.core import TicketCore
from shared.domain.ticket.state import TicketState


def advance(ticket: TicketCore, now: datetime) -> None:
    """Applies everything that was due up to `now`, in order: what the SLA clocks report, then lifecycle timers."""
    while (instant := next_instant(ticket.state)) is not None and instant <= now:
        ticket.touch(instant)
        before = len(ticket.events)
        ticket.record_clock_events(ticket.state.sla.advance(instant), SYSTEM)
        if len(ticket.events) == before:
            fire_timer(ticket, instant)
    ticket.touch(now)


def next_instant(state: TicketState) -> datetime | None:
    """When a clock or a lifecycle timer is next due, if nothing else happens."""
    instants = (state.sla.next_instant(), next_timer_at(state))
    return min((instant for instant in instants if instant is not None), default=None)


def next_timer_at(state: TicketState) -> datetime | None:
    """When the next lifecycle timer expires."""
    return min((at for _, at in _timers(state)), default=None)


def fire_timer(ticket: TicketCore, instant: datetime) -> None:
    """Applies the lifecycle timer that has expired at `instant`, if there is one."""
    state = ticket.state
    expired = [timer for timer, at in _timers(state) if at <= instant]
    match expired[0] if expired else None:
        case "pending_reminder":
            _remind(ticket, instant)
        case "pending_resolve":
            ticket.resolve(SYSTEM, instant, "timer")
        case "auto_close":
            reason = CloseReason.NO_RESPONSE if state.is_resolved_by_silence else CloseReason.RESOLVED
            ticket.close(SYSTEM, instant, reason, "timer")
        case "reopen_window":
            state.is_archived = True
            ticket.record_event(TicketArchived, instant, SYSTEM)


def _remind(ticket: TicketCore, instant: datetime) -> None:
    state = ticket.state
    state.reminders += 1
    ticket.record_event(
        TicketReminded,
        instant,
        SYSTEM,
        reminder=state.reminders,
        pending_since=state.waiting_since,
        resolves_at=_pending_resolves_at(state.policy, state.waiting_since),
    )


def pending_timers(
    policy: PolicySnapshot | None, since: datetime, reminders: int
) -> Iterator[tuple[LifecycleTimer, datetime]]:
    """The timers of a ticket that has been pending `since`: the reminder after the `reminders` sent, auto-resolve."""
    times = policy.times if policy else LifecycleTimes()
    reminds_at = sorted(_after(policy, "pending_reminder", since, time) for time in times.pending_reminder_seconds)
    for at in reminds_at[reminders : reminders + 1]:
        yield "pending_reminder", at
    resolves_at = _pending_resolves_at(policy, since)
    if resolves_at is not None:
        yield "pending_resolve", resolves_at


def _timers(state: TicketState) -> Iterator[tuple[LifecycleTimer, datetime]]:
    """The lifecycle timers of the present status, with the instants at which they expire."""
    times, policy = state.times, state.policy
    if state.status is Status.PENDING and state.waiting_since is not None:
        yield from pending_timers(policy, state.waiting_since, state.reminders)
    elif state.status is Status.RESOLVED and state.resolved_at is not None:
        yield "auto_close", _after(policy, "auto_close", state.resolved_at, times.auto_close_seconds)
    elif state.status is Status.CLOSED and state.closed_at is not None and not state.is_archived:
        yield "reopen_window", _after(policy, "reopen_window", state.closed_at, times.reopen_window_seconds)


def _pending_resolves_at(policy: PolicySnapshot | None, since: datetime | None) -> datetime | None:
    seconds = policy.times.pending_resolve_seconds if policy else None
    return None if seconds is None or since is None else _after(policy, "pending_resolve", since, seconds)


def _after(policy: PolicySnapshot | None, timer: LifecycleTimer, since: datetime, time: Duration) -> datetime:
    """`since` plus `time`, in wall time, business time or working days, as the policy says."""
    if isinstance(time, WorkingDays):
        if policy is None:
            raise AssertionError("working days are counted in a policy's calendar")
        return add_working_days(policy.calendar, since, time.working_days)
    if policy is None or timer not in policy.times.in_business_time:
        return since + timedelta(seconds=time)
    return add_business_time(policy.calendar, since, timedelta(seconds=time))
