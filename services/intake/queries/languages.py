"""Finds the language of a requester's earlier tickets."""

from sqlalchemy import func, select

from services.intake.models import Ticket
from shared.kit.addresses import address_key
from shared.kit.db import Session


async def find_stored_language(session: Session, email: str) -> str | None:
    """Returns the language of the person's newest ticket that has one, or None; a partial index finds it."""
    newest = (
        select(Ticket.requester_language)
        .where(func.lower(Ticket.requester_email) == address_key(email), Ticket.requester_language.is_not(None))
        .order_by(Ticket.created_at.desc())
        .limit(1)
    )
    return await session.scalar(newest)
