"""Text lines for the events that one consolidated mail reports beside its own."""

from collections.abc import Mapping
from typing import Any

from services.notification.delivery.templates import TemplateName

METRICS = {"first_response": "First response", "next_response": "Next response", "resolution": "Resolution"}
ACCOUNT_CHANGES: Mapping[str, str] = {
    "password_changed": "Your password was changed",
    "second_factor_added": "A second factor was added to your account",
    "second_factor_removed": "A second factor was removed from your account",
    "second_factor_reset": "All second factors of your account were removed",
    "recovery_codes_made": "New recovery codes were made for your account",
}
_OF_TICKET = {TemplateName.ASSIGNED: "Assigned", TemplateName.TRANSFERRED: "Transferred"}
_BECAME = {TemplateName.ASSIGNED: "to you", TemplateName.TRANSFERRED: "to your team"}
_DONE = {"raise_priority": ", its priority raised", "reassign": ", handed over to you or your team"}


def label(other: dict[str, Any]) -> str:
    """Returns the subject of the line."""
    return _OF_TICKET.get(other.get("kind", "")) or METRICS[other["metric"]]


def words(other: dict[str, Any]) -> str:
    """Returns what happened; rows of older versions hold only a clock and its percentage."""
    kind = other.get("kind")
    if kind in _BECAME:
        return _BECAME[TemplateName(kind)]
    if kind == TemplateName.ESCALATED:
        return f"escalation step {other['step']} taken{_DONE.get(other.get('do', ''), '')}"
    return f"{other['percent']} % used" if other.get("percent") else "overdue"


def is_resolved(others: list[dict[str, Any]]) -> bool:
    """Whether the mail also reports that the ticket was resolved."""
    return any(other.get("kind") in (TemplateName.RESOLVED, TemplateName.FOLLOWER_RESOLVED) for other in others)
