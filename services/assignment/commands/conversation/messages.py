"""Replies, notes and tags: what agents write. A reply is durable before the ticket's clocks hear of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import Response
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from starlette.status import HTTP_201_CREATED

from services.assignment.app_state import AppState
from services.assignment.commands.conversation.agent_files import claim_for_note, use_files
from services.assignment.commands.conversation.reply_writing import write_reply
from services.assignment.commands.execution import intents
from services.assignment.commands.execution.command_request import (
    CommandRequest,
    answer,
    check_revision,
    message_id_of,
    opened,
    respond,
    respond_with_note,
    respond_within,
    view_after_answer,
)
from services.assignment.commands.execution.intents import IntentRequest
from services.assignment.commands.execution.mentions import mentions_in
from services.assignment.commands.execution.notes import COMMENTS, NewNote, add_note
from services.assignment.models import Message, Ticket
from services.assignment.queries.ticket_page.tickets import get_ticket, view_after
from services.assignment.schemas.actions import MessageInput, TagsInput
from services.assignment.schemas.tickets import ReplyView
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import MessageId, TicketId
from shared.contracts.commands import Command, RecordReply
from shared.contracts.events import AttachmentRef, MessagePosted
from shared.contracts.tickets import TicketSnapshot
from shared.contracts.vocabulary import Permission
from shared.domain.errors import Refusal, TicketArchivedError, TicketMerged, UnknownTicket
from shared.kit import outbox
from shared.kit.clock import derived_id, utc_now
from shared.kit.db import Session
from shared.kit.http.body_check import check_body
from shared.kit.http.idempotency import key_reused
from shared.kit.http.problems import invalid
from shared.kit.telemetry import log
from shared.kit.ticket_errors import TicketsUnavailable

MAX_TAGS = 20


async def reply(context: AppState, call: CommandRequest, body: MessageInput) -> Response:
    """Stores and announces a reply, then tells the workflow at once, so that the answer shows the clock it stopped.

    With the workflow away the reply is accepted all the same: its intent is sent until the workflow takes it.
    """
    await check_body(context.renderer, body.body, body.body_format)
    async with context.command_limit.enter():
        async with context.database.single_session() as session:
            known = await call.look_up(session)
        if known.stored is not None:
            return known.stored
        known.found.require(Permission.TICKET_REPLY)
        ticket = known.found.ticket
        wanted = call.wanted(ticket, call.command_id(ticket))
        command: Command | None = None
        if body.comment is None and not body.attachments and not known.is_intended:
            command = await _write_at_once(context, call, ticket, body, wanted)
        if command is None:
            async with context.database.begin() as session:
                write = partial(_write, session, call, ticket, body, wanted.command_id)
                command = await intents.claim(session, wanted, write)
        told = await _record(context, ticket, command)
        snapshot = told.snapshot if told else TicketSnapshot.model_validate(ticket.snapshot)
        view = await view_after_answer(context, call.caller, known, snapshot)
        reply_view = ReplyView(**dict(view), message_id=message_id_of(wanted.command_id), pending=told is None)
        answers = [told] if told else []
        return await respond(context, call, wanted.command_id, answers, reply_view, status=HTTP_201_CREATED)


async def _write_at_once(
    context: AppState, call: CommandRequest, ticket: Ticket, body: MessageInput, wanted: IntentRequest
) -> RecordReply | None:
    """The same as `_write` and the intent, in one statement; None if the reply has been written before."""
    _check_writable(call, ticket)
    now, message_id = utc_now(), message_id_of(wanted.command_id)
    command = RecordReply(
        command_id=wanted.command_id, actor=call.caller.actor, message_id=MessageId(message_id), replied_at=now
    )
    message = _message_row(call, ticket.id, message_id, body, now)
    announcement = _posted(call, ticket.id, message_id, body, now).envelope(f"message:{message_id}", now)
    is_new = await write_reply(context.database, message, announcement, wanted, command)
    return command if is_new else None


def _check_writable(call: CommandRequest, ticket: Ticket) -> None:
    """Raises VersionConflict, TicketArchivedError, TicketMerged."""
    check_revision(ticket, call.expected_revision)
    if ticket.is_archived:
        raise TicketArchivedError("the ticket is archived; open a follow-up instead")
    if ticket.merged_into is not None:
        raise TicketMerged("the ticket is part of another one; reply there", into=str(ticket.merged_into))


async def _write(
    session: Session, call: CommandRequest, ticket: Ticket, body: MessageInput, command_id: str
) -> RecordReply:
    """Stores the reply and its announcement, and makes the command that tells the workflow of them.

    Raises VersionConflict, TicketArchivedError, Problem 422.
    """
    _check_writable(call, ticket)
    now, message_id = utc_now(), message_id_of(command_id)
    replied_at = await _post(session, call, ticket.id, message_id, body, now)
    if body.comment is not None:
        await add_note(session, call.caller, _comment(call, ticket, body.comment, command_id), now)
    return RecordReply(
        command_id=command_id, actor=call.caller.actor, message_id=MessageId(message_id), replied_at=replied_at
    )


async def _record(context: AppState, ticket: Ticket, command: Command) -> CommandAnswer | None:
    """The ticket after the reply; None if the workflow does not answer, or has not started yet."""
    try:
        return await context.tickets.execute(TicketId(ticket.id), command)
    except (TicketsUnavailable, UnknownTicket, TicketArchivedError) as error:
        log.warning("reply.recorded_later", ticket_id=str(ticket.id), error=repr(error))
        return None
    except Refusal:
        await intents.drop(context.database, command.command_id)
        raise


async def _post(
    session: Session, call: CommandRequest, ticket_id: UUID, message_id: UUID, body: MessageInput, now: datetime
) -> datetime:
    """The message and its announcement; the instant at which it was first written. Raises Problem 422."""
    files = await use_files(session, call.caller.agent_id, body.attachments)
    row = _message_row(call, ticket_id, message_id, body, now, files)
    written = insert(Message).values(row).on_conflict_do_nothing().returning(Message.posted_at)
    posted_at: datetime | None = await session.scalar(written)
    if posted_at is None:
        return await _first_posted_at(session, message_id, body)
    event = _posted(call, ticket_id, message_id, body, now, files)
    await outbox.add(session, event, f"message:{message_id}", now, is_applied=True)
    return posted_at


def _message_row(
    call: CommandRequest,
    ticket_id: UUID,
    message_id: UUID,
    body: MessageInput,
    now: datetime,
    files: Sequence[AttachmentRef] = (),
) -> dict[str, Any]:
    caller = call.caller
    return {
        "id": message_id,
        "ticket_id": ticket_id,
        "author_kind": caller.kind.value,
        "author_id": caller.agent_id,
        "author_name": caller.name,
        "body": body.body,
        "body_format": body.body_format.value,
        "channel": caller.channel.value,
        "attachments": [file.model_dump(mode="json") for file in files],
        "is_automatic": False,
        "posted_at": now,
    }


def _posted(
    call: CommandRequest,
    ticket_id: UUID,
    message_id: UUID,
    body: MessageInput,
    now: datetime,
    files: Sequence[AttachmentRef] = (),
) -> MessagePosted:
    caller = call.caller
    return MessagePosted(
        ticket_id=TicketId(ticket_id),
        message_id=MessageId(message_id),
        author=caller.author,
        body=body.body,
        body_format=body.body_format,
        channel=caller.channel,
        attachments=tuple(files),
        received_at=now,
        resolves=call.following == "resolve",
        has_command=True,
    )


async def _first_posted_at(session: Session, message_id: UUID, body: MessageInput) -> datetime:
    """A retry whose first answer was lost: the same words, or the key was used for something else."""
    first = await session.get_one(Message, message_id)
    if (first.body, first.body_format) != (body.body, body.body_format.value):
        raise key_reused()
    return first.posted_at


async def note(context: AppState, call: CommandRequest, body: MessageInput) -> Response:
    """Stores and announces a note; the lifecycle never hears of it."""
    await check_body(context.renderer, body.body, body.body_format)
    async with context.command_limit.enter():
        async with context.database.single_session() as session:
            known = await call.look_up(session)
        if known.stored is not None:
            return known.stored
        known.found.require(Permission.TICKET_NOTE)
        ticket = known.found.ticket
        check_revision(ticket, call.expected_revision)
        note_id = message_id_of(call.command_id(ticket))
        new = NewNote(note_id, ticket.id, body.body, body.body_format)
        view = ReplyView(**dict(known.view(call.caller, utc_now())), message_id=note_id)
        if not body.attachments and not mentions_in(body.body):
            return await respond_with_note(context, call, new, view)
        async with context.database.begin() as session:
            files = await use_files(session, call.caller.agent_id, body.attachments)
            await add_note(session, call.caller, replace(new, attachments=files), utc_now())
            await claim_for_note(session, call.caller, ticket.id, note_id, files)
            return await respond_within(session, call, view)


async def change_tags(context: AppState, call: CommandRequest, body: TagsInput) -> Response:
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
            comment = _comment(call, found.ticket, body.comment, call.command_id(found.ticket))
            await add_note(session, call.caller, comment, utc_now())
        return await answer(guarded, await view_after(session, call.caller, found.ticket.id, utc_now()))


def _comment(call: CommandRequest, ticket: Ticket, comment: str, command_id: str) -> NewNote:
    return NewNote(derived_id(COMMENTS, command_id), ticket.id, comment, about=call.about)
