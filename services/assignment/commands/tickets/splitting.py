"""Splitting: one message of a requester becomes a ticket of its own, which starts when the message was received."""

from datetime import datetime
from uuid import UUID

from fastapi import Response
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from starlette.status import HTTP_201_CREATED

from services.assignment.app_state import AppState
from services.assignment.commands.execution.command_request import CommandRequest, check_revision, opened
from services.assignment.commands.execution.log_lines import log_and_announce
from services.assignment.models import LinkedTickets, Message, Ticket
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.merging import SplitInput, SplitView
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import TicketSplit
from shared.contracts.vocabulary import ActorKind, Permission
from shared.domain.errors import TicketArchivedError
from shared.kit.clock import derived_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import invalid
from shared.kit.tombstones import lock_against_erasure


async def split_ticket(context: AppState, call: CommandRequest, body: SplitInput) -> Response:
    """Moves a message to a new ticket, which intake opens, and links the two. A message can be split off once.

    Raises Problem 403 without `ticket.merge`, 404, 422 for what is no later message of a requester; VersionConflict,
    TicketArchivedError.
    """
    now = utc_now()
    async with opened(context, call) as guarded:
        if guarded.stored is not None:
            return guarded.stored
        session = guarded.session
        await lock_against_erasure(session, is_erasing=False)
        found = await get_ticket(session, call.caller, call.reference)
        found.require(Permission.TICKET_MERGE)
        ticket = found.ticket
        check_revision(ticket, call.expected_revision)
        if ticket.is_archived or ticket.erased_at is not None:
            raise TicketArchivedError("the ticket is archived; it stays as it is")
        await _check_message(session, ticket, body.message_id)
        new_id = derived_id(body.message_id, f"split:{ticket.id}")
        await session.execute(update(Message).where(Message.id == body.message_id).values(ticket_id=new_id))
        await _link(session, call, ticket, new_id, now)
        event = TicketSplit(
            ticket_id=TicketId(ticket.id),
            message_id=MessageId(body.message_id),
            new_ticket_id=TicketId(new_id),
            subject=body.subject or ticket.subject,
            actor=call.caller.actor,
            split_at=now,
        )
        details = {"message_id": str(body.message_id), "new_ticket_id": str(new_id)}
        await log_and_announce(session, call.caller, ticket, event, f"split:{body.message_id}", now, **details)
        view = SplitView(id=new_id, message_id=body.message_id, split_from=ticket.id).model_dump_json().encode()
        await guarded.store(view, HTTP_201_CREATED)
    context.relay.wake()
    return Response(view, HTTP_201_CREATED, media_type="application/json")


async def _check_message(session: Session, ticket: Ticket, message_id: UUID) -> None:
    """Raises Problem 422 unless it is a message of a requester on this ticket, and not the one it began with."""
    query = select(Message.id, Message.author_kind).where(Message.ticket_id == ticket.id)
    rows = (await session.execute(query.order_by(Message.posted_at, Message.id))).all()
    named = next((row for row in rows if row.id == message_id), None)
    if named is None:
        raise invalid("/message_id", "is not a message of this ticket")
    if named.author_kind != ActorKind.REQUESTER.value:
        raise invalid("/message_id", "was not written by a requester")
    if rows[0].id == message_id:
        raise invalid("/message_id", "is what the ticket began with")


async def _link(session: Session, call: CommandRequest, ticket: Ticket, new_id: UUID, now: datetime) -> None:
    row = {
        "ticket_id": new_id,
        "other_id": ticket.id,
        "kind": "related",
        "agent_id": call.caller.agent_id,
        "added_at": now,
    }
    await session.execute(insert(LinkedTickets).values(row).on_conflict_do_nothing())
