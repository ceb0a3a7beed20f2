"""Text lines for the events that one consolidated mail reports beside its own."""

from collections.abc import Mapping
from typing import Any

from services.notification.delivery.templates import TemplateName
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

METRICS = {"first_response": _("First response"), "next_response": _("Next response"), "resolution": _("Resolution")}
METRICS_IN_SENTENCES = {
    "first_response": _("first response"),
    "next_response": _("next response"),
    "resolution": _("resolution"),
}
PRIORITIES = {"low": _("Low"), "normal": _("Normal"), "high": _("High"), "urgent": _("Urgent")}
ACCOUNT_CHANGES: Mapping[str, str] = {
    "password_changed": _("Your password was changed"),
    "second_factor_added": _("A second factor was added to your account"),
    "second_factor_removed": _("A second factor was removed from your account"),
    "second_factor_reset": _("All second factors of your account were removed"),
    "recovery_codes_made": _("New recovery codes were made for your account"),
}
_OF_TICKET = {TemplateName.ASSIGNED: _("Assigned"), TemplateName.TRANSFERRED: _("Transferred")}
_BECAME = {TemplateName.ASSIGNED: _("to you"), TemplateName.TRANSFERRED: _("to your team")}
_STEPS = {
    "raise_priority": _("escalation step %(step)s taken, its priority raised"),
    "reassign": _("escalation step %(step)s taken, handed over to you or your team"),
}
_STEP = _("escalation step %(step)s taken")


def metric(name: str) -> str:
    """Returns the name of a clock."""
    return gettext(METRICS[name])


def metric_in_sentence(name: str) -> str:
    """Returns the name of a clock as it stands within a sentence."""
    return gettext(METRICS_IN_SENTENCES[name])


def priority(name: str) -> str:
    """Returns the name of a priority."""
    return gettext(PRIORITIES[name])


def account_change(name: str) -> str:
    """Returns what was changed about how somebody signs in."""
    return gettext(ACCOUNT_CHANGES[name])


def label(other: dict[str, Any]) -> str:
    """Returns the subject of the line."""
    return gettext(_OF_TICKET.get(other.get("kind", "")) or METRICS[other["metric"]])


def words(other: dict[str, Any]) -> str:
    """Returns what happened; rows of older versions hold only a clock and its percentage."""
    kind = other.get("kind")
    if kind in _BECAME:
        return gettext(_BECAME[TemplateName(kind)])
    if kind == TemplateName.ESCALATED:
        return gettext(_STEPS.get(other.get("do", ""), _STEP), step=other["step"])
    return gettext("%(percent)s %% used", percent=other["percent"]) if other.get("percent") else gettext("overdue")


def is_resolved(others: list[dict[str, Any]]) -> bool:
    """Whether the mail also reports that the ticket was resolved."""
    return any(other.get("kind") in (TemplateName.RESOLVED, TemplateName.FOLLOWER_RESOLVED) for other in others)
