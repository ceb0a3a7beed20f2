"""Replies, notes and tags: what agents write. A reply is durable before the ticket's clocks hear of it."""

from datetime import datetime
from uuid import UUID

from fastapi import Response
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from starlette.status import HTTP_201_CREATED

from services.assignment.commands.call import COMMENTS, Call, answer, check_revision, message_id_of, opened
from services.assignment.commands.notes import NewNote, add_note
from services.assignment.commands.projection import apply_snapshots
from services.assignment.context import Context
from services.assignment.models import Message, Ticket
from services.assignment.queries.tickets import get_ticket, reply_view_after, view_after
from services.assignment.schemas.actions import MessageInput, TagsInput
from shared.contracts.base import MessageId, TicketId
from shared.contracts.commands import RecordReply
from shared.contracts.events import Author, MessagePosted
from shared.contracts.vocabulary import ActorKind, Permission
from shared.domain.errors import TicketArchivedError, UnknownTicket
from shared.kit import outbox
from shared.kit.clock import derived_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid
from shared.kit.telemetry import log
from shared.kit.tickets import TicketsUnavailable

MAX_TAGS = 20


async def reply(context: Context, call: Call, body: MessageInput) -> Response:
    """Stores and announces a reply, then tells the workflow at once, so that the answer shows the clock it stopped.

    With the workflow away the reply is accepted all the same: the announced message reaches it later.
    """
    await context.digester.check(body.body, body.body_format)
    now = utc_now()
    async with opened(context, call) as guarded:
        if guarded.stored is not None:
            return guarded.stored
        async with context.database.begin() as session:
            found = await get_ticket(session, call.caller, call.reference)
            found.require(Permission.TICKET_REPLY)
            check_revision(found.ticket, call.expected_revision)
            if found.ticket.is_archived:
                raise TicketArchivedError("the ticket is archived; open a follow-up instead")
            message_id = message_id_of(call, found.ticket)
            replied_at = await _post(session, call, found.ticket.id, message_id, body, now)
            if body.comment is not None:
                await add_note(session, call.caller, _comment(call, found.ticket, body.comment), now)
        context.relay.wake()
        ticket_id = TicketId(found.ticket.id)
        command = RecordReply(
            command_id=call.command_id(found.ticket),
            actor=call.caller.actor,
            message_id=MessageId(message_id),
            replied_at=replied_at,
        )
        is_pending = not await _record(context, guarded.session, ticket_id, command)
        view = await reply_view_after(
            guarded.session, call.caller, ticket_id, message_id, utc_now(), is_pending=is_pending
        )
        return await answer(guarded, view, HTTP_201_CREATED)


async def _record(context: Context, session: Session, ticket_id: TicketId, command: RecordReply) -> bool:
    """True if the workflow has taken the reply into account; else the announced message will see to it."""
    try:
        snapshot = await context.tickets.send(ticket_id, command)
    except (TicketsUnavailable, UnknownTicket, TicketArchivedError) as error:
        log.warning("reply.recorded_later", ticket_id=str(ticket_id), error=repr(error))
        return False
    await apply_snapshots(session, [snapshot])
    return True


async def _post(
    session: Session, call: Call, ticket_id: UUID, message_id: UUID, body: MessageInput, now: datetime
) -> datetime:
    """The message and its announcement; the instant at which it was first written. Raises Problem 422."""
    caller = call.caller
    posted_at: datetime | None = await session.scalar(
        insert(Message)
        .values(
            id=message_id,
            ticket_id=ticket_id,
            author_kind=ActorKind.AGENT.value,
            author_id=caller.agent_id,
            author_name=caller.name,
            body=body.body,
            body_format=body.body_format.value,
            channel=caller.channel.value,
            attachments=[],
            is_automatic=False,
            posted_at=now,
        )
        .on_conflict_do_nothing()
        .returning(Message.posted_at)
    )
    if posted_at is None:
        return await _first_posted_at(session, message_id, body)
    event = MessagePosted(
        ticket_id=TicketId(ticket_id),
        message_id=MessageId(message_id),
        author=Author(kind=ActorKind.AGENT, id=caller.agent_id, name=caller.name),
        body=body.body,
        body_format=body.body_format,
        channel=caller.channel,
        received_at=now,
    )
    await outbox.add(session, event, f"message:{message_id}", now)
    return posted_at


async def _first_posted_at(session: Session, message_id: UUID, body: MessageInput) -> datetime:
    """A retry whose first answer was lost: the same words, or the key was used for something else."""
    first = await session.get_one(Message, message_id)
    if (first.body, first.body_format) != (body.body, body.body_format.value):
        raise Problem(422, "idempotency_key_reused", "this Idempotency-Key was used with another body; make a new key")
    return first.posted_at


async def note(context: Context, call: Call, body: MessageInput) -> Response:
    """Stores and announces a note; the lifecycle never hears of it."""
    await context.digester.check(body.body, body.body_format)
    async with opened(context, call) as guarded:
        if guarded.stored is not None:
            return guarded.stored
        found = await get_ticket(guarded.session, call.caller, call.reference)
        found.require(Permission.TICKET_NOTE)
        check_revision(found.ticket, call.expected_revision)
        note_id = message_id_of(call, found.ticket)
        new = NewNote(note_id, found.ticket.id, body.body, body.body_format)
        await add_note(guarded.session, call.caller, new, utc_now())
        view = await reply_view_after(
            guarded.session, call.caller, found.ticket.id, note_id, utc_now(), is_pending=False
        )
        return await answer(guarded, view, HTTP_201_CREATED)


async def change_tags(context: Context, call: Call, body: TagsInput) -> Response:
    """Puts tags on and takes them off."""
    async with opened(context, call) as guarded:
        if guarded.stored is not None:
            return guarded.stored
        session = guarded.session
        found = await get_ticket(session, call.caller, call.reference)
        found.require(Permission.TICKET_TAG)
        check_revision(found.ticket, call.expected_revision)
        tags = await session.scalar(select(Ticket.tags).where(Ticket.id == found.ticket.id).with_for_update())
        changed = sorted((set(tags or ()) | set(body.add)) - set(body.remove))
        if len(changed) > MAX_TAGS:
            raise invalid("/add", f"a ticket has at most {MAX_TAGS} tags")
        await session.execute(update(Ticket).where(Ticket.id == found.ticket.id).values(tags=changed))
        if body.comment is not None:
            await add_note(session, call.caller, _comment(call, found.ticket, body.comment), utc_now())
        return await answer(guarded, await view_after(session, call.caller, found.ticket.id, utc_now()))


def _comment(call: Call, ticket: Ticket, comment: str) -> NewNote:
    return NewNote(derived_id(COMMENTS, call.command_id(ticket)), ticket.id, comment, about=call.about)
