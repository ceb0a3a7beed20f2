"""The names of figures and groups in reports: of people and things as they are, and what stands where there is none."""

from shared.contracts.vocabulary import Priority, Status
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _
from shared.kit.i18n.vocabulary import priority_name, status_name

WITHOUT_NAME = frozenset(
    {
        _("All"),
        _("No team"),
        _("Nobody assigned"),
        _("No topic"),
        _("No organisation"),
        _("Not known"),
        _("(removed)"),
    }
)
"""What reports call a group that has no name of its own, as the API answers it."""

FIGURES = {
    "met": _("Met"),
    "breached": _("Breached"),
    "breached_running": _("Breached running"),
    "cancelled": _("Cancelled"),
    "overdue_now": _("Overdue now"),
    "running_in_time": _("Running in time"),
    "count": _("Count"),
    "opened": _("Opened"),
    "assigned": _("Assigned"),
    "transferred": _("Transferred"),
    "overdue": _("Overdue"),
    "withdrawn": _("Withdrawn"),
    "reopened": _("Reopened"),
    "replies": _("Replies"),
    "one_touch": _("One touch"),
    "stretches": _("Stretches"),
    "unassigned": _("Unassigned"),
    "waiting": _("Waiting"),
    "under_1_day": _("Under 1 day"),
    "under_3_days": _("1 to 3 days"),
    "under_7_days": _("3 to 7 days"),
    "under_30_days": _("7 to 30 days"),
    "older": _("Older"),
    "due_within_1_hour": _("Due in 1 hour"),
    "due_within_24_hours": _("Due in 24 hours"),
}
"""What is counted, besides tickets of a status or a priority."""


def figure_name(name: str) -> str:
    """Returns the name of a figure as pages show it."""
    if name in FIGURES:
        return gettext(FIGURES[name])
    if name in set(Priority):
        return priority_name(name)
    return status_name(name) if name in set(Status) else name.replace("_", " ").capitalize()


def group_name(name: str) -> str:
    """Returns the name of a group as pages show it."""
    return gettext(name) if name in WITHOUT_NAME else name
