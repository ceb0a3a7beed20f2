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
from shared.contracts.vocabulary import ClockState, Outcome
from shared.domain.sla.explain import HolderKind, Why
from shared.kit.i18n.formats import format_exact_duration
from shared.kit.i18n.messages import gettext, pgettext
from shared.kit.i18n.messages import marked as _
from shared.kit.i18n.vocabulary import capitalised, metric_name, reason_word, working_days_text

STATES = frozenset({_("running"), _("paused"), _("overdue"), _("met"), _("breached"), _("cancelled")})
"""How a clock stands, as pages translate it."""
NOT_COUNTED = {
    Why.CLOSED_HOURS: _("closed hours"),
    Why.PENDING: _("paused, waiting for the requester"),
    Why.ON_HOLD: _("paused, on hold"),
    Why.ENDED: _("had ended, went on later"),
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
    name = metric_name(clock.metric)
    return ExplanationView(
        title=f"{name} {clock.cycle}" if clock.cycle > 1 else name,
        state=_state(clock),
        lead=capitalised(
            gettext(
                "%(used)s of open time used, %(allowed)s allowed.",
                used=format_exact_duration(clock.elapsed),
                allowed=_allowed(clock),
            )
        ),
        due_at=clock.due_at,
        is_late=clock.is_late,
        end_by=clock.remedy.end_by if clock.remedy else None,
        would_have=() if clock.remedy is None else tuple(_would_have(clock, clock.remedy)),
        shares=tuple((holder_words(share.held_by), _share(share)) for share in clock.shares),
        lines=tuple(ExplanationLine(one.since, one.until, _line(one), one.counted) for one in clock.intervals),
        rules=tuple((one.since, _rules(one)) for one in clock.rules),
    )


def holder_words(holder: HolderView) -> str:
    """Who it was."""
    match holder.kind:
        case HolderKind.AGENT:
            return holder.agent or pgettext("subject", "an agent")
        case HolderKind.TEAM:
            return holder.team or pgettext("subject", "a team")
        case HolderKind.THIRD_PARTY if holder.hold_reason:
            return gettext("a third party (%(reason)s)", reason=reason_word(holder.hold_reason))
        case HolderKind.THIRD_PARTY:
            return gettext("a third party")
        case HolderKind.TRIAGE:
            return gettext("nobody yet (triage)")
        case HolderKind.REQUESTER:
            return pgettext("subject", "the requester")
        case HolderKind.NOBODY:
            return pgettext("subject", "nobody")


def _state(clock: ClockExplained) -> str:
    if clock.outcome is not None:
        return clock.outcome.value
    if clock.is_late:
        return "overdue"
    return "paused" if clock.state is ClockState.PAUSED else "running"


def _would_have(clock: ClockExplained, remedy: RemedyView) -> Sequence[str]:
    earlier = format_exact_duration(remedy.earlier)
    sentences = [
        gettext("That is %(time)s of open time earlier.", time=earlier)
        if clock.outcome is Outcome.BREACHED
        else gettext("That is %(time)s of open time ago.", time=earlier)
    ]
    if clock.is_due_by_hand:
        sentences.append(gettext("The due date was set by hand."))
    if remedy.longer is not None:
        longer = format_exact_duration(remedy.longer)
        sentences.append(gettext("So would a target longer by %(time)s.", time=longer))
    if remedy.if_holds_had_paused:
        sentences.append(gettext("So would a policy that pauses on hold."))
    return sentences


def _share(share: ShareView) -> str:
    added, paused = format_exact_duration(share.added), format_exact_duration(share.paused)
    if not share.paused:
        return added
    if not share.added:
        return gettext("%(paused)s not counted", paused=paused)
    return gettext("%(time)s, %(paused)s not counted", time=added, paused=paused)


def _line(interval: IntervalView) -> str:
    time, holder = format_exact_duration(interval.added), holder_words(interval.held_by)
    if not interval.counted:
        words = gettext(NOT_COUNTED[interval.why]) if interval.why in NOT_COUNTED else gettext("not counted")
        is_waiting = interval.held_by.kind is HolderKind.THIRD_PARTY
        return gettext("%(why)s: %(holder)s", why=words, holder=holder) if is_waiting else words
    if interval.why is Why.SEVERAL:
        return gettext("%(time)s, many intervals in one", time=time)
    if interval.is_merged:
        return gettext("%(time)s in open hours, %(holder)s", time=time, holder=holder)
    return gettext("%(time)s, %(holder)s", time=time, holder=holder)


def _rules(rules: RulesView) -> str:
    values = {"name": rules.policy_name, "version": rules.policy_version, "calendar": rules.calendar_version}
    if rules.target is None:
        return gettext("%(name)s, version %(version)s, calendar version %(calendar)s, no target", **values)
    target = _target(rules.target, rules.working_days)
    return gettext(
        "%(name)s, version %(version)s, calendar version %(calendar)s, target %(target)s", target=target, **values
    )


def _allowed(clock: ClockExplained) -> str:
    return _target(clock.target, clock.rules[-1].working_days if clock.rules else None)


def _target(open_time: timedelta, working_days: int | None) -> str:
    time = format_exact_duration(open_time)
    return f"{working_days_text(working_days)} ({time})" if working_days is not None else time
