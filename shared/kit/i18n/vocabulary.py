"""The names of statuses, priorities, channels, clocks and reasons in the current language: looked up in every row."""

from functools import lru_cache

from shared.contracts.vocabulary import Channel, CloseReason, HoldReason, Metric, Outcome, OutReason, Priority, Status
from shared.kit.i18n.languages import current_language
from shared.kit.i18n.messages import gettext, ngettext, pgettext


def status_name(status: str) -> str:
    """Returns the name of a status."""
    return _names(current_language().tag)[str(status)]


def priority_name(priority: str) -> str:
    """Returns the name of a priority."""
    return _names(current_language().tag)[str(priority)]


def channel_name(channel: str) -> str:
    """Returns the name of the way by which something came in; what is none is shown as it is."""
    return _channels(current_language().tag).get(str(channel), str(channel))


def metric_name(metric: str) -> str:
    """Returns the name of a clock."""
    return _names(current_language().tag)[str(metric)]


def metric_word(metric: str) -> str:
    """Returns the name of a clock as it stands within a sentence."""
    return _words(current_language().tag)[str(metric)]


def outcome_word(outcome: str) -> str:
    """Returns the name of a verdict's outcome as it stands within a sentence."""
    return _words(current_language().tag)[str(outcome)]


def reason_word(reason: str) -> str:
    """Returns the name of a reason for holding or closing a ticket as it stands within a sentence."""
    return _reasons(current_language().tag).get(str(reason), str(reason))


def reason_name(reason: str) -> str:
    """Returns the name of such a reason with a capital letter, as a list of choices has it."""
    return capitalised(reason_word(reason))


def out_reason_word(reason: str) -> str:
    """Returns why an agent was not among those whom a ticket could be given to."""
    return _out_reasons(current_language().tag).get(str(reason), str(reason))


def working_days_text(days: int) -> str:
    """Returns `1 working day`, `3 working days`."""
    return ngettext("%(num)s working day", "%(num)s working days", days, num=days)


def capitalised(text: str) -> str:
    """Returns a text with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


@lru_cache
def _channels(_tag: str) -> dict[str, str]:
    return {
        Channel.PORTAL.value: pgettext("channel", "Portal"),
        Channel.API.value: pgettext("channel", "API"),
        Channel.EMAIL.value: pgettext("channel", "E-mail"),
        Channel.DESK.value: pgettext("channel", "Desk"),
        Channel.PHONE.value: pgettext("channel", "Telephone"),
        Channel.WALK_IN.value: pgettext("channel", "In person"),
        "Not known": gettext("Not known"),
    }


@lru_cache
def _words(_tag: str) -> dict[str, str]:
    return {
        Metric.FIRST_RESPONSE.value: gettext("first response"),
        Metric.NEXT_RESPONSE.value: gettext("next response"),
        Metric.RESOLUTION.value: gettext("resolution"),
        Outcome.MET.value: gettext("met"),
        Outcome.BREACHED.value: gettext("breached"),
        Outcome.CANCELLED.value: gettext("cancelled"),
    }


@lru_cache
def _out_reasons(_tag: str) -> dict[str, str]:
    return {
        OutReason.AWAY.value: pgettext("candidate", "away"),
        OutReason.OFFLINE.value: pgettext("candidate", "offline"),
        OutReason.OUT_OF_OFFICE.value: pgettext("candidate", "out of office"),
        OutReason.OUTSIDE_HOURS.value: pgettext("candidate", "outside their working hours"),
        OutReason.LACKS_SKILL.value: pgettext("candidate", "without a skill it needs"),
        OutReason.FULL.value: pgettext("candidate", "no room left"),
        OutReason.PASSED.value: pgettext("candidate", "did not take the offer"),
        OutReason.HAD_SHARE.value: pgettext("candidate", "just had their share of what waited"),
        OutReason.NOT_DELEGATE.value: pgettext("candidate", "not the delegate"),
    }


@lru_cache
def _reasons(_tag: str) -> dict[str, str]:
    return {
        HoldReason.VENDOR.value: pgettext("reason", "vendor"),
        HoldReason.THIRD_PARTY.value: pgettext("reason", "third party"),
        HoldReason.CHANGE_WINDOW.value: pgettext("reason", "change window"),
        HoldReason.PROBLEM.value: pgettext("reason", "problem"),
        HoldReason.APPROVAL.value: pgettext("reason", "approval"),
        HoldReason.OTHER.value: pgettext("reason", "other"),
        CloseReason.RESOLVED.value: pgettext("reason", "resolved"),
        CloseReason.DUPLICATE.value: pgettext("reason", "duplicate"),
        CloseReason.SPAM.value: pgettext("reason", "spam"),
        CloseReason.WITHDRAWN.value: pgettext("reason", "withdrawn"),
        CloseReason.NO_RESPONSE.value: pgettext("reason", "no response"),
    }


@lru_cache
def _names(_tag: str) -> dict[str, str]:
    return {
        Status.NEW.value: pgettext("status", "New"),
        Status.OPEN.value: pgettext("status", "Open"),
        Status.PENDING.value: pgettext("status", "Pending"),
        Status.ON_HOLD.value: pgettext("status", "On hold"),
        Status.RESOLVED.value: pgettext("status", "Resolved"),
        Status.CLOSED.value: pgettext("status", "Closed"),
        Priority.LOW.value: pgettext("priority", "Low"),
        Priority.NORMAL.value: pgettext("priority", "Normal"),
        Priority.HIGH.value: pgettext("priority", "High"),
        Priority.URGENT.value: pgettext("priority", "Urgent"),
        Metric.FIRST_RESPONSE.value: gettext("First response"),
        Metric.NEXT_RESPONSE.value: gettext("Next response"),
        Metric.RESOLUTION.value: gettext("Resolution"),
    }
