"""Finds the name of a requester's earlier tickets."""

from sqlalchemy import func, select

from services.intake.models import Ticket
from shared.kit.addresses import address_key
from shared.kit.db import Session


async def find_known_name(session: Session, email: str) -> str:
    """Returns the requester's name on the newest ticket of the address that is not erased; empty without one."""
    newest = (
        select(Ticket.requester_name)
        .where(func.lower(Ticket.requester_email) == address_key(email), Ticket.erased_at.is_(None))
        .order_by(Ticket.created_at.desc())
        .limit(1)
    )
    return await session.scalar(newest) or ""
