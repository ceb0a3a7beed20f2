"""Keeps which decision about somebody in copy is the newest, so that an older one that comes late is ignored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from services.intake.models import NewestDecision
from shared.kit.db import Session


async def is_newest_decision(session: Session, ticket_id: UUID, email: str, at: datetime) -> bool:
    """Notes a decision; False if a later one about the same address on the same ticket was noted before.

    People who are not in copy have one as well: who was removed before the invitation came stays out.
    """
    new = insert(NewestDecision).values(ticket_id=ticket_id, email=email.casefold(), decided_at=at)
    noted = new.on_conflict_do_update(
        index_elements=[NewestDecision.ticket_id, NewestDecision.email],
        set_={"decided_at": at},
        where=NewestDecision.decided_at <= at,
    )
    return await session.scalar(noted.returning(NewestDecision.email)) is not None
