"""Someone lost the link to their request: have it mailed to the address it was made with, and nowhere else."""

from datetime import datetime

from sqlalchemy import bindparam, insert, literal, select
from sqlalchemy.sql.selectable import Select

from services.intake.models import Ticket
from services.intake.visits import NOBODYS
from shared.contracts.base import TicketId
from shared.contracts.events import AccessLinkRequested
from shared.kit.db import Session
from shared.kit.outbox import row_of
from shared.kit.tables import outbox


async def request_access_link(session: Session, email: str, number: str, at: datetime) -> None:
    """Announces the wish if number and address belong together; the caller never learns whether they do.

    What the database is asked is the same either way, and takes as long. The event's id names the minute, so that
    asking again and again sends one mail a minute.
    """
    ticket = (await session.execute(select(Ticket.id, Ticket.requester_email).where(Ticket.number == number))).first()
    ticket_id = TicketId(ticket.id) if ticket else NOBODYS.ticket_id
    belongs = ticket is not None and ticket.requester_email.casefold() == email.casefold()
    event = AccessLinkRequested(ticket_id=ticket_id, requested_at=at)
    row = row_of(event.envelope(f"{ticket_id}:access:{at:%Y%m%d%H%M}", at))
    columns = [outbox.c[name] for name in row]
    wanted: Select[tuple[object, ...]] = select(
        *(bindparam(name, content, outbox.c[name].type) for name, content in row.items())
    ).where(literal(belongs))
    await session.execute(insert(outbox).from_select(columns, wanted))
