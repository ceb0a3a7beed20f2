"""Links that others have seen: all made so far stop working, and the requester is mailed a new one."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from services.intake.commands.participants import remove_participants
from services.intake.models import LinkRevocation, Participant, Ticket
from services.intake.queries.people import addresses_of_person
from shared.contracts.base import TicketId
from shared.contracts.events import AccessLinkRequested
from shared.kit import outbox
from shared.kit.db import Session


async def revoke_links(session: Session, ticket: Ticket, at: datetime, *, removes: bool = True) -> None:
    """Makes every link to the ticket useless that was signed before `at`, and removes everybody in copy if told to."""
    copies = await session.scalars(select(Participant.email).where(Participant.ticket_id == ticket.id))
    own = await addresses_of_person(session, ticket.requester_email)
    await revoke_links_of(session, ticket.id, [*own, *copies], at)
    if removes:
        await remove_participants(session, ticket.id, at)
    wanted = AccessLinkRequested(ticket_id=TicketId(ticket.id), requested_at=at)
    await outbox.add(session, wanted, f"{ticket.id}:revoked:{at:%Y%m%d%H%M%S%f}", at)


async def remove_participant(session: Session, ticket_id: UUID, email: str, at: datetime) -> bool:
    """Takes somebody in copy out of a ticket for good; False if they were not in it."""
    removed = await remove_participants(session, ticket_id, at, email)
    await revoke_links_of(session, ticket_id, removed, at)
    return bool(removed)


async def revoke_links_of(session: Session, ticket_id: UUID, emails: Iterable[str], at: datetime) -> None:
    """Makes the links of these addresses to the ticket useless that were signed before `at`."""
    addresses = sorted({email.casefold() for email in emails})
    rows = [{"ticket_id": ticket_id, "email": address, "made_before": at} for address in addresses]
    if not rows:
        return
    revocation = insert(LinkRevocation).values(rows)
    latest = func.greatest(LinkRevocation.made_before, revocation.excluded.made_before)
    await session.execute(
        revocation.on_conflict_do_update(
            index_elements=[LinkRevocation.ticket_id, LinkRevocation.email], set_={"made_before": latest}
        )
    )
