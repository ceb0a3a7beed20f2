"""Formats a ticket's SLA clocks: what is due when, why, and what stops or starts the clock."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.assignment.schemas.tickets import TicketView
from shared.contracts.tickets import Clock
from shared.contracts.vocabulary import ClockState, Metric, Outcome, Status
from shared.kit.i18n.formats import format_duration
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _
from shared.kit.i18n.vocabulary import metric_name, priority_name, working_days_text

STOPS = {
    Metric.FIRST_RESPONSE: _("The first reply to the requester stops it. A note does not."),
    Metric.NEXT_RESPONSE: _("Your next reply to the requester stops it. A note does not."),
    Metric.RESOLUTION: _("Resolving or closing the ticket stops it."),
}
GOES_ON = {
    Status.PENDING: _("Paused while the ticket waits for the requester; their answer, or Resume, sets it going again."),
    Status.ON_HOLD: _("Paused while the ticket is on hold; Resume sets it going again."),
}
NEARLY = 0.75
"""From this part of the target on a clock is shown as urgent."""


@dataclass(frozen=True, slots=True)
class ClockLine:
    """One SLA clock as displayed."""

    name: str
    tone: str
    icon: str
    words: str
    """Its state in one word or two: `due`, `paused`, `met`."""
    due_at: datetime | None
    is_running: bool
    percent: int
    why: str
    stops: str
    """What would stop it, or set it going again; nothing for one that has ended."""


def clock_lines(ticket: TicketView, policy: str, now: datetime) -> list[ClockLine]:
    """The clocks, next due first, ended ones last."""
    lines = [(clock, _line(clock, ticket, policy, now)) for clock in _newest(ticket.sla.clocks)]
    far = datetime.max.replace(tzinfo=now.tzinfo)
    lines.sort(key=lambda pair: (pair[0].state is ClockState.SETTLED, pair[0].due_at or far))
    return [line for _, line in lines]


def _newest(clocks: Iterable[Clock]) -> Iterable[Clock]:
    """The last cycle of each metric; earlier ones are on the details page."""
    latest: dict[Metric, Clock] = {}
    for clock in clocks:
        if clock.metric not in latest or latest[clock.metric].cycle < clock.cycle:
            latest[clock.metric] = clock
    return latest.values()


def _line(clock: Clock, ticket: TicketView, policy: str, now: datetime) -> ClockLine:
    tone, icon, words, is_running = _state(clock, now)
    days = clock.working_days
    target = working_days_text(days) if days else format_duration(clock.target.total_seconds())
    used = clock.elapsed / clock.target if clock.target else 0.0
    values = {"priority": priority_name(ticket.priority), "target": target}
    return ClockLine(
        name=metric_name(clock.metric),
        tone=tone,
        icon=icon,
        words=gettext(words),
        due_at=clock.due_at if clock.state is ClockState.RUNNING else None,
        is_running=is_running,
        percent=round(100 * min(1.0, used)),
        why=gettext("%(priority)s priority: %(target)s of working time under %(policy)s.", policy=policy, **values)
        if policy
        else gettext("%(priority)s priority: %(target)s of working time.", **values),
        stops=_stops(clock, ticket.status),
    )


def _state(clock: Clock, now: datetime) -> tuple[str, str, str, bool]:
    match clock.outcome:
        case Outcome.MET:
            return "ok", "check", _("met"), False
        case Outcome.BREACHED:
            return "danger", "alert", _("breached"), False
        case Outcome.CANCELLED:
            return "neutral", "none", _("cancelled"), False
    if clock.state is ClockState.PAUSED:
        return "neutral", "pause", _("paused"), False
    if clock.breached_at or (clock.due_at and clock.due_at < now):
        return "danger", "alert", _("overdue, was due"), True
    is_near = clock.target and clock.elapsed / clock.target >= NEARLY
    return "warn" if is_near else "info", "clock", _("due"), True


def _stops(clock: Clock, status: Status) -> str:
    if clock.state is ClockState.SETTLED:
        return ""
    if clock.state is ClockState.PAUSED:
        return gettext(GOES_ON.get(status, _("Paused.")))
    return gettext(STOPS[clock.metric])
