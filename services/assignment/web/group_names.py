"""The names of groups in reports: those of people and things as they are, and what stands where there is none."""

from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

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


def group_name(name: str) -> str:
    """Returns the name of a group as pages show it."""
    return gettext(name) if name in WITHOUT_NAME else name
