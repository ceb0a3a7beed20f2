"""What intake holds of one person, found by their address."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, CompoundSelect, Text, func, literal_column, select, text, union
from sqlalchemy.dialects.postgresql import ARRAY

from services.intake.models import Attachment, Message, Participant, RawMail, RawMailState, SideMail, Ticket
from services.intake.privacy.side_mails import find_side_mails
from services.intake.queries.people import addresses_of_person
from shared.contracts.vocabulary import Status
from shared.kit.addresses import address_key
from shared.kit.db import Session
from shared.kit.http.problems import not_found
from shared.kit.requester_ids import RequesterIds

ADDRESSES = text("""
with recursive requesters as (
  (select lower(requester_email) as email from tickets order by 1 limit 1)
  union all
  select next.email from requesters, lateral (
    select lower(requester_email) as email from tickets
    where lower(requester_email) > requesters.email order by 1 limit 1) as next
), copied as (
  (select email from participants order by 1 limit 1)
  union all
  select next.email from copied, lateral (
    select email from participants where participants.email > copied.email order by 1 limit 1) as next
)
select email from requesters union all select email from copied
""")
"""Jumps from address to address in the indexes, so that it costs by people, not by what they ever asked."""

ALONE = text("set local max_parallel_workers_per_gather = 0")
"""Little is found, however much is expected: starting helpers would take longer than all the rest."""


@dataclass(frozen=True, slots=True)
class SubjectData:
    """One person's traces: ids and numbers only, nothing that was written."""

    email: str
    """In lower case."""
    emails: tuple[str, ...]
    """All addresses of the same person, this one first."""
    requester_id: UUID
    ticket_ids: tuple[UUID, ...]
    open_ids: tuple[UUID, ...]
    """Those of the tickets that are not closed."""
    took_part_in: tuple[UUID, ...]
    """Others' tickets with this person in copy, or with something they wrote."""
    side_mails: tuple[SideMail, ...]
    """What agents and this person wrote to each other beside others' tickets."""
    messages: int
    files: int
    mails: int

    @property
    def third_party_on(self) -> set[UUID]:
        """Others' tickets beside which agents and this person wrote to each other."""
        return {mail.ticket_id for mail in self.side_mails}

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held at all."""
        return not (self.ticket_ids or self.took_part_in or self.side_mails or self.mails)


async def find_subject_data(session: Session, ids: RequesterIds, email: str) -> SubjectData:
    """What is held of whoever has this address, all addresses of theirs included. Raises Problem 404 if nothing."""
    email = address_key(email)
    emails = tuple(await addresses_of_person(session, email))
    await session.execute(ALONE)
    own = (
        await session.execute(
            select(Ticket.id, Ticket.status)
            .where(func.lower(Ticket.requester_email).in_(emails), Ticket.erased_at.is_(None))
            .order_by(Ticket.created_at, Ticket.id)
        )
    ).all()
    ticket_ids = tuple(row.id for row in own)
    took_part = {one for address in emails for one in await _took_part_in(session, address, ticket_ids)}
    side_mails = [
        mail
        for mail in await find_side_mails(session, [ids.of(one) for one in emails])
        if mail.ticket_id not in ticket_ids
    ]
    holdings = SubjectData(
        email=email,
        emails=emails,
        requester_id=ids.of(email),
        ticket_ids=ticket_ids,
        open_ids=tuple(row.id for row in own if row.status is not Status.CLOSED),
        took_part_in=tuple(sorted(took_part)),
        side_mails=tuple(side_mails),
        messages=await _count(session, written_by(emails, ticket_ids)),
        files=await _count(session, Attachment.ticket_id.in_(ticket_ids)),
        mails=await _count(session, mailed_by(emails, ticket_ids, [mail.message_id for mail in side_mails])),
    )
    if holdings.is_empty:
        raise not_found("requester")
    return holdings


async def find_email(session: Session, ids: RequesterIds, requester_id: UUID) -> str:
    """The address behind an id; looks at each address there is once, for the way back cannot be computed.

    Raises Problem 404.
    """
    async for (email,) in await session.stream(ADDRESSES):
        if ids.of(email) == requester_id:
            return str(email)
    raise not_found("requester")


def written_by(emails: Sequence[str], ticket_ids: Sequence[UUID]) -> ColumnElement[bool]:
    """Messages on a person's own tickets, and theirs on others'."""
    found = union(
        select(Message.id).where(Message.ticket_id.in_(ticket_ids)),
        select(Message.id).where(func.lower(Message.author_email).in_(emails)),
    )
    return Message.id.in_(found)


def mailed_by(
    emails: Sequence[str], ticket_ids: Sequence[UUID], side_message_ids: Sequence[UUID] = ()
) -> ColumnElement[bool]:
    """The same, and mails that became messages of theirs."""
    written = select(Message.id).where(func.lower(Message.author_email).in_(emails))
    became_messages = select(RawMail.id).where(RawMail.message_id.in_(written))
    return RawMail.id.in_(union(became_messages, mails_of(emails, ticket_ids, side_message_ids)))


def mails_of(
    emails: Sequence[str], ticket_ids: Sequence[UUID], message_ids: Sequence[UUID]
) -> CompoundSelect[tuple[UUID]]:
    """Mails that became part of a person's tickets, or one of these messages, and others they sent.

    One still to be read is left to be read. One set of ids, for alternatives would have every mail looked at.
    """
    sent = func.lower(RawMail.sender).in_(emails) & (RawMail.state != RawMailState.RECEIVED)
    return union(
        select(RawMail.id).where(RawMail.ticket_id.in_(ticket_ids)),
        select(RawMail.id).where(RawMail.message_id.in_(message_ids)),
        select(RawMail.id).where(sent),
    )


def copied_to(email: str) -> ColumnElement[bool]:
    """Tickets that name the address in copy, however it is written there."""
    copies = func.addresses_in_copy(Ticket.cc, type_=ARRAY(Text))
    return copies.contains([email]) & literal_column("tickets.cc <> '{}'", Boolean)


async def _took_part_in(session: Session, email: str, but: Sequence[UUID]) -> tuple[UUID, ...]:
    found = union(
        select(Participant.ticket_id).where(Participant.email == email),
        select(Participant.ticket_id).where(Participant.added_by == email),
        select(Message.ticket_id).where(func.lower(Message.author_email) == email),
        select(Ticket.id).where(copied_to(email)),
    ).subquery()
    query = select(found.c.ticket_id).where(found.c.ticket_id.not_in(but)).order_by(found.c.ticket_id)
    return tuple((await session.scalars(query)).all())


async def _count(session: Session, rows: ColumnElement[bool]) -> int:
    return int(await session.scalar(select(func.count()).where(rows)) or 0)
