"""The portal's texts for statuses and timeline entries."""

from dataclasses import dataclass

from services.intake.models import Ticket
from shared.contracts.vocabulary import Action, ActorKind, Status
from shared.domain.lifecycle import actions_from
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _


@dataclass(frozen=True, slots=True)
class StatusText:
    """A status as the requester reads it; `tone` colours the badge."""

    label: str
    meaning: str
    tone: str


STATUS_TEXTS = {
    Status.NEW: StatusText(_("Received"), _("We have your request and will look at it soon."), "info"),
    Status.OPEN: StatusText(_("In progress"), _("We are working on it."), "accent"),
    Status.PENDING: StatusText(_("Waiting for you"), _("We need an answer from you to go on."), "warn"),
    Status.ON_HOLD: StatusText(
        _("On hold"), _("We are waiting for someone else, and will come back to you."), "neutral"
    ),
    Status.RESOLVED: StatusText(
        _("Solved"), _("We think this is solved. If it is not, write below or reopen it."), "ok"
    ),
    Status.CLOSED: StatusText(
        _("Closed"), _("This request is closed. Write below if you still need help with it."), "neutral"
    ),
}
ARCHIVED = StatusText(
    _("Closed"), _("This request is closed for good. What you write below opens a new one."), "neutral"
)

NOTICES = {
    "replied": ("success", _("Your message has been added.")),
    "followed": ("success", _("Your message has been sent. We are opening a new ticket for it.")),
    "closed": ("success", _("Your request is closed. If that was a mistake, reopen it below.")),
    "invited": ("success", _("They have been invited by mail, and take part once they say so.")),
    "declined": ("info", _("They said earlier that they do not want to take part, so they were not asked again.")),
    "removed": ("success", _("They are no longer in copy, and their links have stopped working.")),
    "reopened": ("success", _("Your request is open again.")),
    "rated": ("success", _("Thank you. Your answer is recorded.")),
    "following": ("success", _("You follow this ticket: you get its mails, and can write here.")),
    "not_followed": (
        "info",
        _("You cannot follow this ticket: you were taken out of it, or too many people are in copy."),
    ),
}
"""What has just happened, by the word in the address."""


@dataclass(frozen=True, slots=True)
class EventLabel:
    """What happened, by who did it: somebody on the asking side, one of us, or time."""

    theirs: str
    ours: str
    by_itself: str
    icon: str = "none"

    @classmethod
    def always(cls, text: str, icon: str = "none") -> "EventLabel":
        """The same whoever did it."""
        return cls(text, text, text, icon)

    def by(self, actor: ActorKind) -> str:
        """The words for the one who did it."""
        match actor:
            case ActorKind.REQUESTER | ActorKind.CLIENT:
                return gettext(self.theirs)
            case ActorKind.AGENT | ActorKind.PROGRAM:
                return gettext(self.ours)
            case ActorKind.SYSTEM:
                return gettext(self.by_itself)


EVENT_LABELS = {
    "opened": EventLabel.always(_("The ticket was opened"), "file"),
    "assigned": EventLabel.always(_("Somebody is looking after it now"), "person"),
    "pended": EventLabel.always(_("We need an answer to go on"), "clock"),
    "held": EventLabel.always(_("We are waiting for someone else; the matter is not forgotten"), "pause"),
    "resumed": EventLabel(
        _("An answer arrived, so work goes on"),
        _("We are working on it again"),
        _("We are working on it again"),
        "person",
    ),
    "resolved": EventLabel(
        _("Marked as solved"),
        _("We think this is solved"),
        _("We heard nothing more, so we take it as solved"),
        "check",
    ),
    "reopened": EventLabel(
        _("Opened again, because it was not over"), _("We took it up again"), _("The ticket was opened again"), "reply"
    ),
    "closed": EventLabel(
        _("Closed on the requester's wish"),
        _("We closed the ticket"),
        _("Solved for a while, so the ticket closed by itself"),
        "lock",
    ),
    "archived": EventLabel.always(_("Filed for good: what is written from now on opens a new ticket"), "lock"),
    "followed_up": EventLabel.always(_("A new ticket goes on from here"), "reply"),
}
"""What a thread tells besides messages, by the kind of timeline entry."""


def status_text(ticket: Ticket) -> StatusText:
    """Where the ticket stands, in the reader's language."""
    text = ARCHIVED if ticket.is_archived else STATUS_TEXTS[ticket.status]
    return StatusText(gettext(text.label), gettext(text.meaning), text.tone)


def notice_of(done: str) -> list[tuple[str, str]]:
    """What has just been done, by the word in the address; nothing for an unknown word."""
    if done not in NOTICES:
        return []
    kind, text = NOTICES[done]
    return [(kind, gettext(text))]


def can(ticket: Ticket, action: Action) -> bool:
    """Whether the ticket's status allows the action."""
    return not ticket.is_archived and ticket.merged_into is None and action in actions_from(ticket.status)
