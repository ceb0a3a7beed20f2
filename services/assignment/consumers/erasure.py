"""Forgetting people: what they wrote and were called goes, and a tombstone keeps late or replayed events from it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.assignment.commands.conversation.side_mail import forget_side_messages
from services.assignment.commands.requesters.requester_intake import (
    emails_on,
    forget_people_without_tickets,
    forget_requester,
)
from services.assignment.desk_jobs.erasure import forget_in_desk_jobs
from services.assignment.models import (
    ComposerDraft,
    EntryVersion,
    ErasedTicket,
    HeldReply,
    Intent,
    MajorIncident,
    Message,
    Note,
    Participant,
    SatisfactionRating,
    SideConversation,
    Ticket,
    TicketTask,
    TicketWords,
)
from shared.contracts.events import (
    Envelope,
    IncidentChanged,
    MessageEdited,
    MessagePosted,
    NoteAdded,
    ParticipantDecided,
    RequesterErased,
    SideMessageSent,
    TicketEdited,
    TicketErased,
)
from shared.contracts.vocabulary import ActorKind
from shared.kit import outbox
from shared.kit.db import Session
from shared.kit.http.idempotency import forget_about
from shared.kit.requester_ids import RequesterIds
from shared.kit.tables import idempotency_responses as responses

ERASED = "[erased]"
TOMBSTONES: Final = select(ErasedTicket.ticket_id).where(
    ErasedTicket.ticket_id == any_(bindparam("ids", type_=ARRAY(Uuid())))
)
ERASURES = frozenset((RequesterErased.type(), TicketErased.type()))


@dataclass(frozen=True, slots=True)
class ErasureConsumer:
    """Whose words go from which tickets."""

    ticket_ids: tuple[UUID, ...]
    erased_at: datetime
    requester_id: UUID | None = None
    took_part_in: tuple[UUID, ...] = ()
    """Others' tickets, of which only this requester's own part goes."""
    side_message_ids: tuple[UUID, ...] = ()
    """What agents and they wrote to each other beside others' tickets."""

    @classmethod
    def of(cls, envelope: Envelope) -> "ErasureConsumer":
        """What an event of one of the kinds in `ERASURES` asks for."""
        if envelope.type == TicketErased.type():
            ticket = TicketErased.of(envelope)
            return cls((ticket.ticket_id,), ticket.erased_at)
        gone = RequesterErased.of(envelope)
        return cls(gone.ticket_ids, gone.erased_at, gone.requester_id, gone.took_part_in, gone.side_message_ids)


async def erased_among(session: Session, ticket_ids: Collection[UUID]) -> set[UUID]:
    """Those of the tickets that were erased."""
    return set(await session.scalars(TOMBSTONES, {"ids": list(ticket_ids)})) if ticket_ids else set()


async def erase(session: Session, ids: RequesterIds, erasures: Sequence[ErasureConsumer]) -> None:
    """Redacts what this service holds of erased people, and buries their tickets."""
    for erasure in erasures:
        await _dead_letter(session, erasure)
        if erasure.requester_id is not None:
            await forget_requester(session, ids, erasure.requester_id, erasure.ticket_ids)
        emails = await emails_on(session, erasure.ticket_ids)
        await _redact(session, erasure.ticket_ids, erasure.erased_at)
        await forget_people_without_tickets(session, emails)
        if erasure.requester_id is not None:
            await _redact_part(session, ids, erasure.requester_id, erasure.took_part_in)
            await _take_out(session, ids, erasure.requester_id, erasure.took_part_in)
        others = {*erasure.took_part_in, *await forget_side_messages(session, erasure.side_message_ids)}
        await forget_in_desk_jobs(session, (*erasure.ticket_ids, *others))
        await _forget_answers(session, (*erasure.ticket_ids, *others))
        told = (
            MessagePosted,
            MessageEdited,
            NoteAdded,
            ParticipantDecided,
            TicketEdited,
            IncidentChanged,
            SideMessageSent,
        )
        await outbox.forget(session, [f"{event.type()}.{one}" for event in told for one in erasure.ticket_ids])
        await outbox.forget_published(session, [f"{event.type()}.{one}" for event in told for one in others])


async def _dead_letter(session: Session, erasure: ErasureConsumer) -> None:
    rows = [{"ticket_id": ticket_id, "erased_at": erasure.erased_at} for ticket_id in erasure.ticket_ids]
    if rows:
        await session.execute(insert(ErasedTicket).on_conflict_do_nothing(), rows)


async def _redact(session: Session, ids: Sequence[UUID], at: datetime) -> None:
    nobody: dict[str, Any] = {
        "subject": ERASED,
        "requester_name": ERASED,
        "requester_email": "",
        "fields": {},
        "erased_at": at,
    }
    await session.execute(update(Ticket).where(Ticket.id.in_(ids)).values(nobody))
    await session.execute(delete(TicketWords).where(TicketWords.ticket_id.in_(ids)))
    await session.execute(
        update(Message)
        .where(Message.ticket_id.in_(ids))
        .values(body=ERASED, body_format="text", quoted="", attachments=[], rendered=None)
    )
    await session.execute(
        update(Message)
        .where(Message.ticket_id.in_(ids), Message.author_kind != ActorKind.AGENT.value)
        .values(author_name=ERASED, author_email=None)
    )
    for model in (Participant, ComposerDraft, HeldReply, EntryVersion, TicketTask, SideConversation):
        await session.execute(delete(model).where(model.ticket_id.in_(ids)))
    await session.execute(update(Intent).where(Intent.ticket_id.in_(ids)).values(comment=None))
    ratings = update(SatisfactionRating).where(SatisfactionRating.ticket_id.in_(ids))
    await session.execute(ratings.values(comment=None))
    await session.execute(update(MajorIncident).where(MajorIncident.ticket_id.in_(ids)).values(public_title=""))
    notes = update(Note).where(Note.ticket_id.in_(ids))
    await session.execute(notes.values(body=ERASED, body_format="text", attachments=[], rendered=None))


async def _redact_part(session: Session, ids: RequesterIds, requester_id: UUID, ticket_ids: Sequence[UUID]) -> None:
    """On others' tickets, what this person wrote: told by the id that their address gives."""
    written = select(Message.id, Message.author_email).where(
        Message.ticket_id.in_(ticket_ids), func.coalesce(Message.author_email, "") != ""
    )
    theirs = [row.id for row in await session.execute(written) if ids.of(row.author_email) == requester_id]
    await session.execute(
        update(Message)
        .where(Message.id.in_(theirs))
        .values(
            author_name=ERASED,
            author_email=None,
            body=ERASED,
            body_format="text",
            quoted="",
            attachments=[],
            rendered=None,
        )
    )


async def _take_out(session: Session, ids: RequesterIds, requester_id: UUID, ticket_ids: Sequence[UUID]) -> None:
    """On others' tickets, this person in copy, and as the one who named somebody."""
    named = select(Participant.ticket_id, Participant.email, Participant.added_by)
    rows = (await session.execute(named.where(Participant.ticket_id.in_(ticket_ids)))).all()
    emails = {row.email for row in rows if ids.of(row.email) == requester_id}
    inviters = {row.added_by for row in rows if "@" in row.added_by and ids.of(row.added_by) == requester_id}
    here = Participant.ticket_id.in_(ticket_ids)
    await session.execute(delete(Participant).where(here, Participant.email.in_(emails)))
    await session.execute(update(Participant).where(here, Participant.added_by.in_(inviters)).values(added_by=""))


async def _forget_answers(session: Session, ticket_ids: Sequence[UUID]) -> None:
    """Stored answers name their ticket by its id, or in their scope by its number."""
    numbers = await session.scalars(select(Ticket.number).where(Ticket.id.in_(ticket_ids)))
    for number in numbers:
        await session.execute(delete(responses).where(responses.c.scope.endswith(f":{number}", autoescape=True)))
    await forget_about(session, {str(ticket_id) for ticket_id in ticket_ids})
