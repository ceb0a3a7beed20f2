"""Someone lost the link to their request: have it mailed to the address it was made with, and nowhere else."""

from datetime import datetime

from sqlalchemy import func, select

from services.intake.models import Ticket
from shared.contracts.base import TicketId
from shared.contracts.events import AccessLinkRequested
from shared.kit import outbox
from shared.kit.db import Session


async def request_access_link(session: Session, email: str, number: str, at: datetime) -> None:
    """Announces the wish if number and address belong together; the caller never learns whether they do.

    The event's id names the minute, so that asking again and again sends one mail a minute.
    """
    ticket_id = await session.scalar(
        select(Ticket.id).where(Ticket.number == number, func.lower(Ticket.requester_email) == email.lower())
    )
    if ticket_id is not None:
        event = AccessLinkRequested(ticket_id=TicketId(ticket_id), requested_at=at)
        await outbox.add(session, event, f"{ticket_id}:access:{at:%Y%m%d%H%M}", at)
