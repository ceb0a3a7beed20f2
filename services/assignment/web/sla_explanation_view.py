"""Tells why a clock stands as it does, in the words of the people who work on the ticket."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.assignment.schemas.explanations import (
    ClockExplained,
    HolderView,
    IntervalView,
    RemedyView,
    RulesView,
    ShareView,
)
from shared.contracts.durations import WorkingDays
from shared.contracts.vocabulary import ClockState, Metric, Outcome
from shared.domain.sla.explain import HolderKind, Why

TITLES = {
    Metric.FIRST_RESPONSE: "First response",
    Metric.NEXT_RESPONSE: "Next response",
    Metric.RESOLUTION: "Resolution",
}
NOT_COUNTED = {
    Why.CLOSED_HOURS: "closed hours",
    Why.PENDING: "paused, waiting for the requester",
    Why.ON_HOLD: "paused, on hold",
    Why.ENDED: "had ended, went on later",
    Why.SEVERAL: "many intervals in one",
}
HOLDERS = {
    HolderKind.TRIAGE: "nobody yet (triage)",
    HolderKind.REQUESTER: "the requester",
    HolderKind.NOBODY: "nobody",
}


@dataclass(frozen=True, slots=True)
class ExplanationLine:
    """One interval."""

    since: datetime
    until: datetime
    words: str
    is_counted: bool


@dataclass(frozen=True, slots=True)
class ExplanationView:
    """One clock, ready to be shown."""

    title: str
    state: str
    lead: str
    due_at: datetime | None
    is_late: bool
    end_by: datetime | None
    would_have: tuple[str, ...]
    shares: tuple[tuple[str, str], ...]
    lines: tuple[ExplanationLine, ...]
    rules: tuple[tuple[datetime, str], ...]


def story_of(clock: ClockExplained) -> ExplanationView:
    """Everything about one clock in words."""
    cycle = f" {clock.cycle}" if clock.cycle > 1 else ""
    return ExplanationView(
        title=TITLES[clock.metric] + cycle,
        state=_state(clock),
        lead=f"{format_holder_time(clock.elapsed)} of open time used, {_allowed(clock)} allowed",
        due_at=clock.due_at,
        is_late=clock.is_late,
        end_by=clock.remedy.end_by if clock.remedy else None,
        would_have=() if clock.remedy is None else tuple(_would_have(clock, clock.remedy)),
        shares=tuple((holder_words(share.held_by), _share(share)) for share in clock.shares),
        lines=tuple(ExplanationLine(one.since, one.until, _line(one), one.counted) for one in clock.intervals),
        rules=tuple((one.since, _rules(one)) for one in clock.rules),
    )


def format_holder_time(time: timedelta) -> str:
    """Exact to the second; never in days, for a day of open time is no day."""
    seconds = round(time.total_seconds())
    if time and not seconds:
        return "under 1 s"
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{amount} {unit}" for amount, unit in parts if amount) or "0 min"


def holder_words(holder: HolderView) -> str:
    """Who it was."""
    match holder.kind:
        case HolderKind.AGENT:
            return holder.agent or "an agent"
        case HolderKind.TEAM:
            return holder.team or "a team"
        case HolderKind.THIRD_PARTY:
            reason = holder.hold_reason.value.replace("_", " ") if holder.hold_reason else "unknown"
            return f"a third party ({reason})"
    return HOLDERS[holder.kind]


def _state(clock: ClockExplained) -> str:
    if clock.outcome is not None:
        return clock.outcome.value
    if clock.is_late:
        return "overdue"
    return "paused" if clock.state is ClockState.PAUSED else "running"


def _would_have(clock: ClockExplained, remedy: RemedyView) -> Sequence[str]:
    is_over = clock.outcome is Outcome.BREACHED
    by_hand = " The due instant was set by hand." if clock.is_due_by_hand else ""
    when = "earlier" if is_over else "ago"
    words = [f"That is {format_holder_time(remedy.earlier)} of open time {when}.{by_hand}"]
    if remedy.longer is not None:
        words.append(f"So would a target longer by {format_holder_time(remedy.longer)}.")
    if remedy.if_holds_had_paused:
        words.append("So would a policy that pauses on hold.")
    return words


def _share(share: ShareView) -> str:
    parts = [format_holder_time(share.added)] if share.added or not share.paused else []
    return ", ".join([*parts, *([f"{format_holder_time(share.paused)} not counted"] if share.paused else [])])


def _line(interval: IntervalView) -> str:
    if not interval.counted:
        words = NOT_COUNTED.get(interval.why, "not counted")
        is_waiting = interval.held_by.kind is HolderKind.THIRD_PARTY
        return f"{words}: {holder_words(interval.held_by)}" if is_waiting else words
    if interval.why is Why.SEVERAL:
        return f"{format_holder_time(interval.added)}, {NOT_COUNTED[interval.why]}"
    merged = " in open hours" if interval.is_merged else ""
    return f"{format_holder_time(interval.added)}{merged}, {holder_words(interval.held_by)}"


def _rules(rules: RulesView) -> str:
    target = "no target" if rules.target is None else f"target {_target(rules.target, rules.working_days)}"
    name = f"{rules.policy_name}, version {rules.policy_version}"
    return f"{name}, calendar version {rules.calendar_version}, {target}"


def _allowed(clock: ClockExplained) -> str:
    return _target(clock.target, clock.rules[-1].working_days if clock.rules else None)


def _target(open_time: timedelta, working_days: int | None) -> str:
    if working_days is None:
        return format_holder_time(open_time)
    return f"{WorkingDays(working_days=working_days)} ({format_holder_time(open_time)})"
