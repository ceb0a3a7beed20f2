"""Unavailable actions with the reason for each: the ticket's status, or the agent's role."""

from services.assignment.schemas.tickets import TicketView
from shared.contracts.vocabulary import Action, Status
from shared.domain.lifecycle import TRANSITIONS
from shared.domain.permissions import ACTION_PERMISSIONS

LABELS = {
    Action.TRIAGE: "Triage",
    Action.ASSIGN: "Assign",
    Action.RELEASE: "Release",
    Action.TRANSFER: "Transfer",
    Action.PRIORITISE: "Priority",
    Action.SET_DUE: "Due",
    Action.CHANGE_POLICY: "SLA",
    Action.PEND: "Wait for requester",
    Action.HOLD: "Put on hold",
    Action.RESUME: "Resume",
    Action.RESOLVE: "Resolve",
    Action.REOPEN: "Reopen",
    Action.CLOSE: "Close",
}
STATUS_WORDS = {status: status.value.replace("_", " ") for status in Status}


def refused_actions(ticket: TicketView) -> list[tuple[str, str]]:
    """Label and reason of each unavailable action, in the vocabulary's order."""
    allowed = set(ticket.allowed_actions)
    return [(LABELS[action], _reason(ticket, action)) for action in Action if action not in allowed]


def _reason(ticket: TicketView, action: Action) -> str:
    if ticket.is_archived:
        return "the ticket is archived"
    if ACTION_PERMISSIONS[action] not in ticket.permissions:
        return f"your role does not allow {ACTION_PERMISSIONS[action].value} here"
    if action is Action.RELEASE and ticket.assignee_id is None:
        return "nobody has the ticket"
    from_states = [STATUS_WORDS[status] for status in Status if (status, action) in TRANSITIONS]
    return f"possible from {_listed(from_states)}; the ticket is {STATUS_WORDS[ticket.status]}"


def _listed(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
