"""Someone lost the link to their request: have it mailed to the address it was made with, and nowhere else."""

from datetime import datetime

from sqlalchemy import select

from services.intake.models import Ticket
from shared.contracts.base import TicketId
from shared.contracts.events import AccessLinkRequested
from shared.kit import outbox
from shared.kit.db import Session


async def request_access_link(session: Session, email: str, number: str, at: datetime) -> None:
    """Announces the wish if number and address belong together; the caller never learns whether they do.

    The event's id names the minute, so that asking again and again sends one mail a minute.
    """
    ticket = await session.scalar(select(Ticket).where(Ticket.number == number))
    if ticket is not None and ticket.requester_email.casefold() == email.casefold():
        event = AccessLinkRequested(ticket_id=TicketId(ticket.id), requested_at=at)
        await outbox.add(session, event, f"{ticket.id}:access:{at:%Y%m%d%H%M}", at)
