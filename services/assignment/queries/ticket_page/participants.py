"""Who is in copy of a ticket."""

from uuid import UUID

from sqlalchemy import select

from services.assignment.models import Participant
from services.assignment.schemas.participants import ParticipantView, participant_view
from shared.contracts.vocabulary import ParticipantState
from shared.kit.db import Session


async def list_participants(session: Session, ticket_id: UUID) -> list[ParticipantView]:
    """Everybody in copy but those who were removed, in the order in which they were named."""
    query = select(Participant).where(
        Participant.ticket_id == ticket_id, Participant.state != ParticipantState.REMOVED.value
    )
    rows = await session.scalars(query.order_by(Participant.added_at, Participant.email))
    return [participant_view(row) for row in rows]
