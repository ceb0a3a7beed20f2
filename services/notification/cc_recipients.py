"""What is told the requester goes to everybody who takes part as well, each in a mail of their own."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select

from services.notification.decisions import COPIED, REQUESTER, NotificationDecision, participant
from services.notification.models import Participant
from shared.contracts.vocabulary import ParticipantState
from shared.kit.db import Session


async def with_copies(session: Session, decisions: Sequence[NotificationDecision]) -> list[NotificationDecision]:
    """The decisions, and the same for those who take part at this moment."""
    copied = [one for one in decisions if one.template in COPIED and one.recipient == REQUESTER]
    found = list(decisions)
    for decision in copied:
        joined = select(Participant.email).where(
            Participant.ticket_id == decision.ticket_id, Participant.state == ParticipantState.JOINED.value
        )
        found.extend(replace(decision, recipient=participant(email)) for email in await session.scalars(joined))
    return found
