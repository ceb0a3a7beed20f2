"""Unavailable actions with the reason for each: the ticket's status, or the agent's role."""

from services.assignment.schemas.tickets import TicketView
from shared.contracts.vocabulary import Action, Status
from shared.domain.lifecycle import TRANSITIONS
from shared.domain.permissions import ACTION_PERMISSIONS
from shared.kit.i18n.formats import format_list
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _
from shared.kit.i18n.vocabulary import status_name

LABELS = {
    Action.TRIAGE: _("Triage"),
    Action.ASSIGN: _("Assign"),
    Action.RELEASE: _("Release"),
    Action.TRANSFER: _("Transfer"),
    Action.PRIORITISE: _("Priority"),
    Action.SET_DUE: _("Due"),
    Action.CHANGE_POLICY: _("SLA"),
    Action.PEND: _("Wait for requester"),
    Action.HOLD: _("Put on hold"),
    Action.RESUME: _("Resume"),
    Action.RESOLVE: _("Resolve"),
    Action.REOPEN: _("Reopen"),
    Action.CLOSE: _("Close"),
}


def refused_actions(ticket: TicketView) -> list[tuple[str, str]]:
    """Label and reason of each unavailable action, in the vocabulary's order."""
    allowed = set(ticket.allowed_actions)
    return [(gettext(LABELS[action]), _reason(ticket, action)) for action in Action if action not in allowed]


def _reason(ticket: TicketView, action: Action) -> str:
    if ticket.is_archived:
        return gettext("the ticket is archived")
    if ACTION_PERMISSIONS[action] not in ticket.permissions:
        return gettext("your role does not allow %(permission)s here", permission=ACTION_PERMISSIONS[action].value)
    if action is Action.RELEASE and ticket.assignee_id is None:
        return gettext("nobody has the ticket")
    states = [status_name(status).lower() for status in Status if (status, action) in TRANSITIONS]
    return gettext(
        "possible from %(states)s; the ticket is %(status)s",
        states=format_list(states, "or"),
        status=status_name(ticket.status).lower(),
    )
