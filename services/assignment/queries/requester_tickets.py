"""A requester's newest other tickets that the caller may see."""

from uuid import UUID

from sqlalchemy import select

from services.assignment.models import Ticket
from services.assignment.queries.callers import Caller
from services.assignment.queries.visibility import visible_to
from services.assignment.schemas.tickets import RelatedTicket
from shared.kit.db import Session

LOOKED_AT = 200
"""However many tickets somebody has sent, no more than this many of the newest are looked at."""
SHOWN = 6


async def list_requester_tickets(session: Session, caller: Caller, email: str, besides: UUID) -> list[RelatedTicket]:
    """Newest first."""
    if not email:
        return []
    newest = (
        select(Ticket.id)
        .where(Ticket.requester_email == email)
        .order_by(Ticket.created_at.desc(), Ticket.id.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    query = (
        select(Ticket.id, Ticket.number, Ticket.subject, Ticket.status)
        .where(Ticket.id.in_(select(newest.c.id)), Ticket.id != besides, visible_to(caller.principal))
        .order_by(Ticket.created_at.desc(), Ticket.id.desc())
        .limit(SHOWN)
    )
    return [
        RelatedTicket.model_validate({"id": row.id, "number": row.number, "subject": row.subject, "status": row.status})
        for row in await session.execute(query)
    ]
