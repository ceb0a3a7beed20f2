"""People in copy, in the words of the ticket's page."""

from dataclasses import dataclass
from datetime import datetime

from services.assignment.schemas.participants import ParticipantView
from shared.contracts.vocabulary import Channel, ParticipantState
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

LABELS = {
    ParticipantState.PROPOSED: (_("Proposed"), "warn"),
    ParticipantState.INVITED: (_("Invited"), "info"),
    ParticipantState.JOINED: (_("Takes part"), "ok"),
    ParticipantState.DECLINED: (_("Does not take part"), "neutral"),
    ParticipantState.REMOVED: (_("Removed"), "neutral"),
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
        return cls(view.email, view.name, is_proposed, gettext(label), tone, origin, view.joined_at or view.added_at)


def origin_of(channel: Channel | None, added_by: str) -> str:
    """Who named somebody, in words; nobody is named where the one who did was erased."""
    match channel:
        case Channel.EMAIL if added_by:
            return gettext("In copy of a mail from %(name)s", name=added_by)
        case Channel.EMAIL:
            return gettext("In copy of a mail")
        case Channel.DESK | Channel.PORTAL if added_by:
            return gettext("Added by %(name)s", name=added_by)
        case Channel.DESK:
            return gettext("Added at the desk")
        case Channel.PORTAL:
            return gettext("Added by the requester")
        case Channel.API:
            return gettext("Named when the ticket was opened")
    return gettext("In copy")
