"""Erasing a requester: first what would go is told, then it goes, everywhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, or_, select, update

from services.intake.commands.change_status import change_status
from services.intake.models import (
    Attachment,
    Erasure,
    LinkRevocation,
    Message,
    NewestDecision,
    Participant,
    PersonAddress,
    Ticket,
)
from services.intake.privacy.subject_data import SubjectData, copied_to, find_subject_data, mailed_by
from services.intake.privacy.ticket_erasure import ERASED, erase_tickets, remove_files, tickets_open
from shared.contracts.base import TicketId
from shared.contracts.commands import CloseTicket
from shared.contracts.events import RequesterErased
from shared.contracts.tickets import SYSTEM
from shared.contracts.vocabulary import BodyFormat, CloseReason
from shared.kit import outbox
from shared.kit.auth import TicketLinks
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database, Session
from shared.kit.http.idempotency import forget_about
from shared.kit.http.problems import Problem
from shared.kit.requester_ids import RequesterIds
from shared.kit.tickets import Tickets, command_id

TICKETS_PER_EVENT = 10_000
"""Ids of 39 bytes each in a message of at most 1 MiB."""


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
        own_mails = or_(*(mailed_by(email, found.ticket_ids) for email in found.emails))
        digests = await remove_files(session, or_(*(_files_of(email) for email in found.emails)), own_mails)
        digests |= await erase_tickets(session, self.links, found.ticket_ids, at)
        await forget_about(session, set(found.emails))
        for email in found.emails:
            await _leave(session, email)
            await self._announce(session, email, found, digests, at)

    async def _announce(
        self, session: Session, email: str, found: SubjectData, digests: set[str], at: datetime
    ) -> None:
        """An erasure for each address, for the other services know people by the digest of one address."""
        erasure = Erasure(
            id=new_id(),
            requester_id=self.ids.of(email),
            ticket_ids=list(found.ticket_ids),
            took_part_in=list(found.took_part_in),
            digests=sorted(digests),
            erased_at=at,
        )
        session.add(erasure)
        for number, event in enumerate(_announcements(erasure, at)):
            await outbox.add(session, event, f"{erasure.id}:erased" + (f":{number}" if number else ""), at)


def _announcements(found: Erasure, at: datetime) -> Iterator[RequesterErased]:
    """One event, or several where one message on the bus could not carry the ids of all tickets."""
    own, others = ([TicketId(one) for one in ids] for ids in (found.ticket_ids, found.took_part_in))
    assert found.requester_id is not None
    for start in range(0, max(len(own), len(others), 1), TICKETS_PER_EVENT):
        part = slice(start, start + TICKETS_PER_EVENT)
        yield RequesterErased(
            requester_id=found.requester_id,
            ticket_ids=tuple(own[part]),
            took_part_in=tuple(others[part]),
            erased_at=at,
        )


def _check(found: SubjectData, confirmation: ErasureConfirmation) -> None:
    if len(found.ticket_ids) != confirmation.tickets:
        raise Problem(
            409,
            "wrong_number_of_tickets",
            f"the requester has {len(found.ticket_ids)} tickets, not {confirmation.tickets}; look again before erasing",
        )
    if found.open_ids and not confirmation.close_open:
        raise tickets_open(len(found.open_ids))


def _files_of(email: str) -> ColumnElement[bool]:
    written = select(Message.id).where(func.lower(Message.author_email) == email)
    return Attachment.message_id.in_(written)


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
