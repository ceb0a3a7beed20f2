"""The names of statuses, priorities and clocks in the current language: looked up in every row of a table."""

from functools import lru_cache

from shared.contracts.vocabulary import Metric, Priority, Status
from shared.kit.i18n.languages import current_language
from shared.kit.i18n.messages import gettext, pgettext


def status_name(status: str) -> str:
    """Returns the name of a status."""
    return _names(current_language().tag)[str(status)]


def priority_name(priority: str) -> str:
    """Returns the name of a priority."""
    return _names(current_language().tag)[str(priority)]


def metric_name(metric: str) -> str:
    """Returns the name of a clock."""
    return _names(current_language().tag)[str(metric)]


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
