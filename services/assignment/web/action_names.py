"""The names of what can be done to tickets, as lists of actions and notes about them have them."""

from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

NAMES = {
    "claim": _("Claim"),
    "assign": _("Assign"),
    "release": _("Release"),
    "transfer": _("Transfer"),
    "triage": _("Triage"),
    "prioritise": _("Prioritise"),
    "set_due": _("Set due"),
    "change_policy": _("Change the SLA policy"),
    "pend": _("Wait for requester"),
    "hold": _("Put on hold"),
    "resume": _("Resume"),
    "resolve": _("Resolve"),
    "reopen": _("Reopen"),
    "close": _("Close"),
    "merge": _("Merge"),
    "unmerge": _("Undo the merge"),
    "split": _("Split off"),
    "tags": _("Tags"),
    "replies": _("Reply"),
    "notes": _("Note"),
    "attach": _("Attach to the incident"),
    "detach": _("Detach from the incident"),
}


def action_name(action: str) -> str:
    """Returns the name of an action in the reader's language; one without a name is shown as it is."""
    name = action.replace("-", "_")
    return gettext(NAMES[name]) if name in NAMES else name.replace("_", " ").capitalize()
