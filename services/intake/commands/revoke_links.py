"""Links that others have seen: all made so far stop working, and the requester is mailed a new one."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from services.intake.models import LinkRevocation, Participant, Ticket
from shared.contracts.base import TicketId
from shared.contracts.events import AccessLinkRequested
from shared.kit import outbox
from shared.kit.db import Session


async def revoke_links(session: Session, ticket: Ticket, at: datetime) -> None:
    """Makes every link to the ticket useless that was signed before `at`, whoever holds it."""
    copies = await session.scalars(select(Participant.email).where(Participant.ticket_id == ticket.id))
    addresses = sorted({ticket.requester_email.casefold(), *copies})
    rows = [{"ticket_id": ticket.id, "email": address, "made_before": at} for address in addresses]
    revocation = insert(LinkRevocation).values(rows)
    latest = func.greatest(LinkRevocation.made_before, revocation.excluded.made_before)
    await session.execute(
        revocation.on_conflict_do_update(
            index_elements=[LinkRevocation.ticket_id, LinkRevocation.email], set_={"made_before": latest}
        )
    )
    wanted = AccessLinkRequested(ticket_id=TicketId(ticket.id), requested_at=at)
    await outbox.add(session, wanted, f"{ticket.id}:revoked:{at:%Y%m%d%H%M%S%f}", at)
