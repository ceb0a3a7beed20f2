"""Erasing a requester: first what would go is told, then it goes, everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update

from services.intake.commands.change_status import change_status
from services.intake.models import (
    Attachment,
    Erasure,
    LinkRevocation,
    Message,
    NewestDecision,
    Participant,
    PersonAddress,
    RawMail,
    Ticket,
)
from services.intake.privacy.erasure_announcement import announce
from services.intake.privacy.side_mails import erase_side_mails
from services.intake.privacy.subject_data import SubjectData, copied_to, find_subject_data, mails_of
from services.intake.privacy.ticket_erasure import ERASED, erase_tickets, remove_files, tickets_open
from shared.contracts.base import MessageId, TicketId
from shared.contracts.commands import CloseTicket
from shared.contracts.tickets import SYSTEM
from shared.contracts.vocabulary import BodyFormat, CloseReason
from shared.kit.auth import TicketLinks
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database, Session
from shared.kit.http.idempotency import forget_about
from shared.kit.http.problems import Problem
from shared.kit.requester_ids import RequesterIds
from shared.kit.tickets import Tickets, command_id
from shared.kit.tombstones import lock_against_erasure


@dataclass(frozen=True, slots=True)
class ErasureConfirmation:
    """What whoever erases must know of what goes."""

    tickets: int
    """How many tickets the requester has: a guard against the wrong address."""
    close_open: bool = False
    """Whether tickets that are not closed are withdrawn first."""


@dataclass(frozen=True, slots=True)
class RequesterEraser:
    """What erasing needs, put together once."""

    database: Database
    tickets: Tickets
    links: TicketLinks
    ids: RequesterIds

    async def erase(self, email: str, confirmation: ErasureConfirmation) -> SubjectData:
        """Erases all that intake holds of a requester, and has the other services do so; returns what there was.

        Raises Problem 404 if nothing is held, 409 if the number of tickets is another or some are open, Refusal and
        TicketsUnavailable if they cannot be closed.
        """
        async with self.database.begin() as session:
            found = await find_subject_data(session, self.ids, email)
        _check(found, confirmation)
        for ticket_id in found.open_ids:
            await self._withdraw(ticket_id)
        async with self.database.begin() as session:
            await lock_against_erasure(session, is_erasing=True)
            found = await find_subject_data(session, self.ids, email)
            _check(found, confirmation)
            await self._erase(session, found, utc_now())
        return found

    async def _withdraw(self, ticket_id: UUID) -> None:
        command = CloseTicket(
            command_id=command_id("erasure", "close", TicketId(ticket_id), str(new_id())),
            actor=SYSTEM,
            reason=CloseReason.WITHDRAWN,
        )
        await change_status(self.database, self.tickets, ticket_id, command)

    async def _erase(self, session: Session, found: SubjectData, at: datetime) -> None:
        digests = await remove_written(session, found.emails, found.ticket_ids)
        digests |= await erase_side_mails(session, [mail.message_id for mail in found.side_mails])
        digests |= await erase_tickets(session, self.links, found.ticket_ids, at)
        await forget_about(session, set(found.emails))
        for email in found.emails:
            await _leave(session, email)
            await self._announce(session, email, found, digests, at)

    async def _announce(
        self, session: Session, email: str, found: SubjectData, digests: set[str], at: datetime
    ) -> None:
        """An erasure for each address, for the other services know people by the digest of one address."""
        requester_id = self.ids.of(email)
        side_mails = [mail for mail in found.side_mails if mail.requester_id == requester_id]
        erasure = Erasure(
            id=new_id(),
            requester_id=requester_id,
            ticket_ids=list(found.ticket_ids),
            took_part_in=sorted({*found.took_part_in, *(mail.ticket_id for mail in side_mails)}),
            digests=sorted(digests),
            erased_at=at,
        )
        side_message_ids = [MessageId(mail.message_id) for mail in side_mails]
        await announce(session, erasure, found.took_part_in, side_message_ids)


def _check(found: SubjectData, confirmation: ErasureConfirmation) -> None:
    if len(found.ticket_ids) != confirmation.tickets:
        raise Problem(
            409,
            "wrong_number_of_tickets",
            f"the requester has {len(found.ticket_ids)} tickets, not {confirmation.tickets}; look again before erasing",
        )
    if found.open_ids and not confirmation.close_open:
        raise tickets_open(len(found.open_ids))


async def remove_written(session: Session, emails: Sequence[str], ticket_ids: Sequence[UUID]) -> set[str]:
    """Removes files and mails with what somebody wrote, and the mails of their tickets; returns the digests.

    Asked for step by step: joined, the database would rather read every file and every mail there is.
    """
    by_them = select(Message.ticket_id, Message.id).where(func.lower(Message.author_email).in_(emails))
    written = (await session.execute(by_them)).all()
    message_ids = [row.id for row in written]
    files = Attachment.ticket_id.in_({row.ticket_id for row in written}) & Attachment.message_id.in_(message_ids)
    mails = (await session.scalars(mails_of(emails, ticket_ids, message_ids))).all()
    return await remove_files(session, files, RawMail.id.in_(mails))


async def _leave(session: Session, email: str) -> None:
    """Takes the person out of others' tickets, which otherwise stay as they are."""
    await session.execute(delete(Participant).where(Participant.email == email))
    await session.execute(update(Participant).where(Participant.added_by == email).values(added_by=""))
    await session.execute(delete(NewestDecision).where(NewestDecision.email == email))
    await session.execute(delete(LinkRevocation).where(LinkRevocation.email == email))
    await session.execute(delete(PersonAddress).where(PersonAddress.email == email))
    copies = await session.scalars(select(Ticket).where(copied_to(email)).order_by(Ticket.id).with_for_update())
    for ticket in copies:
        ticket.cc = [address for address in ticket.cc if address.strip().lower() != email]
    await session.execute(
        update(Message)
        .where(func.lower(Message.author_email) == email)
        .values(
            author_name=ERASED,
            author_email="",
            body=ERASED,
            body_format=BodyFormat.TEXT,
            quoted="",
            mail_id=None,
            rendered=None,
        )
    )
