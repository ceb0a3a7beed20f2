"""What a ticket does by itself when nobody does anything: remind, resolve, close, and end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.contracts.durations import Duration, WorkingDays
from shared.contracts.events import TicketArchived, TicketReminded
from shared.contracts.policies import LifecycleTimes, PolicySnapshot, Rest
from shared.contracts.tickets import SYSTEM
from shared.contracts.vocabulary import CloseReason, Status
from shared.domain.business_time import add_business_time, add_working_days

if TYPE_CHECKING:
    from shared.domain.ticket.state import TicketState
    from shared.domain.ticket.ticket import Ticket


def rest_ends_at(state: TicketState) -> datetime | None:
    """When the ticket next acts by itself, apart from its clocks."""
    return min((at for _, at in _rests(state)), default=None)


def end_rest(ticket: Ticket, instant: datetime) -> None:
    """Does what is due at `instant`."""
    state = ticket.state
    due = [rest for rest, at in _rests(state) if at <= instant]
    match due[0] if due else None:
        case "pending_reminder":
            state.reminders += 1
            ticket.announce(
                TicketReminded,
                instant,
                SYSTEM,
                reminder=state.reminders,
                pending_since=state.waiting_since,
                resolves_at=_pending_resolves_at(state.policy, state.waiting_since),
            )
        case "pending_resolve":
            ticket.resolve(SYSTEM, instant, "timer")
        case "auto_close":
            reason = CloseReason.NO_RESPONSE if state.is_resolved_by_silence else CloseReason.RESOLVED
            ticket.close(SYSTEM, instant, reason, "timer")
        case "reopen_window":
            state.is_archived = True
            ticket.announce(TicketArchived, instant, SYSTEM)


def pending_rests(policy: PolicySnapshot | None, since: datetime, reminders: int) -> Iterator[tuple[Rest, datetime]]:
    """What comes next of a ticket that has waited for its requester `since`, after so many reminders."""
    times = policy.times if policy else LifecycleTimes()
    reminds_at = sorted(_after(policy, "pending_reminder", since, time) for time in times.pending_reminder_seconds)
    for at in reminds_at[reminders : reminders + 1]:
        yield "pending_reminder", at
    resolves_at = _pending_resolves_at(policy, since)
    if resolves_at is not None:
        yield "pending_resolve", resolves_at


def _rests(state: TicketState) -> Iterator[tuple[Rest, datetime]]:
    """What the ticket waits for in its present status, and until when."""
    times, policy = state.times, state.policy
    if state.status is Status.PENDING and state.waiting_since is not None:
        yield from pending_rests(policy, state.waiting_since, state.reminders)
    elif state.status is Status.RESOLVED and state.resolved_at is not None:
        yield "auto_close", _after(policy, "auto_close", state.resolved_at, times.auto_close_seconds)
    elif state.status is Status.CLOSED and state.closed_at is not None and not state.is_archived:
        yield "reopen_window", _after(policy, "reopen_window", state.closed_at, times.reopen_window_seconds)


def _pending_resolves_at(policy: PolicySnapshot | None, since: datetime | None) -> datetime | None:
    seconds = policy.times.pending_resolve_seconds if policy else None
    return None if seconds is None or since is None else _after(policy, "pending_resolve", since, seconds)


def _after(policy: PolicySnapshot | None, rest: Rest, since: datetime, time: Duration) -> datetime:
    """So long after an instant, in the kind of time that the policy says."""
    if isinstance(time, WorkingDays):
        if policy is None:
            raise AssertionError("working days are counted in a policy's calendar")
        return add_working_days(policy.calendar, since, time.working_days)
    if policy is None or rest not in policy.times.in_business_time:
        return since + timedelta(seconds=time)
    return add_business_time(policy.calendar, since, timedelta(seconds=time))
