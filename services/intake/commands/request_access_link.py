"""Someone lost the link to a request: have it mailed to the requester or participant who asks, and nowhere else."""

import hashlib
from datetime import datetime

from sqlalchemy import bindparam, exists, insert, literal, select
from sqlalchemy.sql.selectable import Select

from services.intake.access.link_access import NOBODYS, LinkAccess
from services.intake.models import Participant, Ticket
from services.intake.queries.people import belongs_to
from shared.contracts.base import TicketId
from shared.contracts.events import AccessLinkRequested
from shared.contracts.vocabulary import ParticipantState
from shared.kit.addresses import address_key
from shared.kit.db import Session
from shared.kit.outbox import add, note_rows, row_of
from shared.kit.tables import outbox


async def request_access_link(session: Session, email: str, number: str, at: datetime) -> None:
    """Announces the wish if number and address belong together; the caller never learns whether they do.

    What the database is asked is the same either way, and takes as long. The event's id names the minute, so that
    asking again and again sends one mail a minute.
    """
    address = address_key(email)
    takes_part = (
        exists()
        .where(
            Participant.ticket_id == Ticket.id,
            Participant.email == address,
            Participant.state == ParticipantState.JOINED,
        )
        .label("takes_part")
    )
    is_own = belongs_to(Ticket, address).label("is_own")
    query = select(Ticket.id, Ticket.requester_email, takes_part, is_own).where(Ticket.number == number)
    ticket = (await session.execute(query)).first()
    ticket_id = TicketId(ticket.id) if ticket else NOBODYS.ticket_id
    is_requester = ticket is not None and ticket.requester_email.casefold() == address
    is_other_address = ticket is not None and bool(ticket.is_own) and not is_requester
    belongs = is_requester or is_other_address or (ticket is not None and ticket.takes_part)
    event = AccessLinkRequested(
        ticket_id=ticket_id, email=None if is_requester else address, is_requester=is_other_address, requested_at=at
    )
    whose = "" if is_requester else f":{hashlib.sha256(address.encode()).hexdigest()[:20]}"
    row = row_of(event.envelope(f"{ticket_id}:access:{at:%Y%m%d%H%M}{whose}", at))
    columns = [outbox.c[name] for name in row]
    wanted: Select[tuple[object, ...]] = select(
        *(bindparam(name, content, outbox.c[name].type) for name, content in row.items())
    ).where(literal(belongs))
    await session.execute(insert(outbox).from_select(columns, wanted))
    note_rows(session)


async def request_export_link(session: Session, visit: LinkAccess, at: datetime) -> None:
    """Has the one-time link to everything mailed to the visitor's own address, at most once a minute."""
    is_main = address_key(visit.ticket.requester_email) == visit.link.email
    event = AccessLinkRequested(
        ticket_id=TicketId(visit.ticket.id),
        email=None if is_main else visit.link.email,
        is_requester=visit.is_requester and not is_main,
        wanted="everything",
        requested_at=at,
    )
    whose = hashlib.sha256(visit.link.email.encode()).hexdigest()[:20]
    await add(session, event, f"{visit.ticket.id}:everything:{at:%Y%m%d%H%M}:{whose}", at)
