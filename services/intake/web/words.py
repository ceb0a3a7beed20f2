"""Where a request stands, in its requester's words."""

from dataclasses import dataclass

from services.intake.models import Ticket
from shared.contracts.vocabulary import Action, Status
from shared.domain.lifecycle import actions_from


@dataclass(frozen=True, slots=True)
class Standing:
    """A status as the requester reads it; `tone` colours the badge."""

    label: str
    meaning: str
    tone: str


STANDINGS = {
    Status.NEW: Standing("Received", "We have your request and will look at it soon.", "info"),
    Status.OPEN: Standing("In progress", "We are working on it.", "accent"),
    Status.PENDING: Standing("Waiting for you", "We need an answer from you to go on.", "warn"),
    Status.ON_HOLD: Standing("On hold", "We are waiting for someone else, and will come back to you.", "neutral"),
    Status.RESOLVED: Standing("Solved", "We think this is solved. If it is not, write below or reopen it.", "ok"),
    Status.CLOSED: Standing("Closed", "This request is closed. Write below if you still need help with it.", "neutral"),
}
ARCHIVED = Standing("Closed", "This request is closed for good. What you write below opens a new one.", "neutral")

NOTICES = {
    "replied": ("success", "Your message has been added."),
    "closed": ("success", "Your request is closed. If that was a mistake, reopen it below."),
    "reopened": ("success", "Your request is open again."),
}
"""What has just happened, by the word in the address."""


def standing_of(ticket: Ticket) -> Standing:
    """Where the ticket stands."""
    return ARCHIVED if ticket.is_archived else STANDINGS[ticket.status]


def can(ticket: Ticket, action: Action) -> bool:
    """Whether the ticket's status allows the action."""
    return not ticket.is_archived and action in actions_from(ticket.status)
