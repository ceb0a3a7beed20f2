"""People in copy, in the words of the ticket's page."""

from dataclasses import dataclass
from datetime import datetime

from services.assignment.schemas.participants import ParticipantView
from shared.contracts.vocabulary import Channel, ParticipantState

LABELS = {
    ParticipantState.PROPOSED: ("Proposed", "warn"),
    ParticipantState.INVITED: ("Invited", "info"),
    ParticipantState.JOINED: ("Takes part", "ok"),
    ParticipantState.DECLINED: ("Does not take part", "neutral"),
    ParticipantState.REMOVED: ("Removed", "neutral"),
}


@dataclass(frozen=True, slots=True)
class ParticipantLine:
    """Somebody in copy, as the page shows them."""

    email: str
    name: str
    is_proposed: bool
    label: str
    tone: str
    origin: str
    """How they were named."""
    since: datetime

    @classmethod
    def of(cls, view: ParticipantView) -> "ParticipantLine":
        """The words for somebody."""
        label, tone = LABELS[view.state]
        origin = origin_of(view.channel, view.added_by)
        is_proposed = view.state is ParticipantState.PROPOSED
        return cls(view.email, view.name, is_proposed, label, tone, origin, view.joined_at or view.added_at)


def origin_of(channel: Channel | None, added_by: str) -> str:
    """Who named somebody, in words; nobody is named where the one who did was erased."""
    match channel:
        case Channel.EMAIL:
            return f"In copy of a mail from {added_by}" if added_by else "In copy of a mail"
        case Channel.DESK:
            return f"Added by {added_by}" if added_by else "Added at the desk"
        case Channel.PORTAL:
            return f"Added by {added_by}" if added_by else "Added by the requester"
        case Channel.API:
            return "Named when the ticket was opened"
    return "In copy"
