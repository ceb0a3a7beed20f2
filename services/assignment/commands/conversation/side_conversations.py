"""Agents write to a third party beside a ticket, and may have the ticket wait on hold for the answer."""

from dataclasses import replace
from uuid import UUID

from fastapi import Response
from sqlalchemy import func, select
from starlette.status import HTTP_201_CREATED

from services.assignment.app_state import AppState
from services.assignment.commands.execution import intents
from services.assignment.commands.execution.command_request import CommandRequest, opened
from services.assignment.commands.execution.intent_recovery import send_now
from services.assignment.commands.execution.intents import IntentRequest
from services.assignment.models import Participant, SideConversation, SideMessage, Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.side_conversations import (
    find_side_conversation,
    get_side_conversation,
    messages_in,
)
from services.assignment.queries.ticket_page.tickets import AuthorizedTicket, get_ticket
from services.assignment.schemas.side_conversations import (
    MOST_CONVERSATIONS,
    MOST_MESSAGES,
    SideConversationInput,
    SideReplyInput,
)
from shared.contracts.base import MessageId, TicketId
from shared.contracts.commands import HoldTicket, ResumeTicket
from shared.contracts.events import Author, SideMessageSent
from shared.contracts.events.side_conversations import side_event_id
from shared.contracts.vocabulary import Action, HoldReason, ParticipantState, Permission, Status
from shared.domain.errors import IllegalTransition, TicketArchivedError
from shared.domain.permissions import ACTION_PERMISSIONS
from shared.kit import outbox
from shared.kit.addresses import address_key
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import invalid
from shared.kit.tombstones import lock_against_erasure

MOST_EARLIER = 10
"""Earlier mails that a new one refers to."""
HOLDABLE = frozenset({Status.OPEN.value, Status.PENDING.value})


async def start_side_conversation(context: AppState, call: CommandRequest, body: SideConversationInput) -> Response:
    """Starts a conversation with its first message, which goes out as a mail.

    Raises Problem 403, 404, 422, IllegalTransition where the ticket cannot be put on hold, TicketArchivedError.
    """
    async with opened(context, call) as guarded:
        if guarded.stored is not None:
            return guarded.stored
        session, now = guarded.session, utc_now()
        found = await _writable(session, call.caller, call.reference)
        ticket = found.ticket
        await _check_address(session, ticket, body.to)
        here = select(func.count()).select_from(SideConversation).where(SideConversation.ticket_id == ticket.id)
        if (await session.scalar(here) or 0) >= MOST_CONVERSATIONS:
            raise invalid("/to", f"a ticket has at most {MOST_CONVERSATIONS} side conversations")
        conversation = SideConversation(
            id=new_id(),
            ticket_id=ticket.id,
            address=body.to,
            subject=body.subject,
            created_by=call.caller.agent_id,
            created_by_name=call.caller.name,
            created_at=now,
            is_awaited=False,
        )
        session.add(conversation)
        await session.flush()
        hold = await _write(session, call.caller, found, conversation, body)
        view = await get_side_conversation(session, context.file_links, ticket.id, conversation.id)
        answer = view.model_dump_json().encode()
        await guarded.store(answer, HTTP_201_CREATED, None)
    return await _answered(context, answer, hold)


async def reply_in_side_conversation(
    context: AppState, call: CommandRequest, conversation_id: UUID, body: SideReplyInput
) -> Response:
    """Writes one more message to the third party. Raises as `start_side_conversation`."""
    async with opened(context, replace(call, route=f"side-conversations/{conversation_id}")) as guarded:
        if guarded.stored is not None:
            return guarded.stored
        session = guarded.session
        found = await _writable(session, call.caller, call.reference)
        conversation = await find_side_conversation(session, found.ticket.id, conversation_id)
        await _check_address(session, found.ticket, conversation.address)
        hold = await _write(session, call.caller, found, conversation, body)
        view = await get_side_conversation(session, context.file_links, found.ticket.id, conversation_id)
        answer = view.model_dump_json().encode()
        await guarded.store(answer, HTTP_201_CREATED, None)
    return await _answered(context, answer, hold)


async def _answered(context: AppState, answer: bytes, hold: str | None) -> Response:
    """Sends what was written down in the transaction; what cannot be sent now is sent later."""
    context.relay.wake()
    if hold is not None:
        await send_now(context, hold)
    return Response(answer, HTTP_201_CREATED, media_type="application/json")


async def _writable(session: Session, caller: Caller, reference: str) -> AuthorizedTicket:
    await lock_against_erasure(session, is_erasing=False)
    found = await get_ticket(session, caller, reference)
    found.require(Permission.TICKET_REPLY)
    await session.execute(select(Ticket.id).where(Ticket.id == found.ticket.id).with_for_update(key_share=True))
    if found.ticket.is_archived or found.ticket.erased_at is not None:
        raise TicketArchivedError("the ticket is archived; it stays as it is")
    return found


async def _check_address(session: Session, ticket: Ticket, address: str) -> None:
    """Raises Problem 422 for people of the conversation: what stands beside it is not for them."""
    theirs = address_key(address)
    if theirs == address_key(ticket.requester_email or ""):
        raise invalid("/to", "is the requester: reply to them on the ticket")
    in_copy = (Participant.ticket_id == ticket.id, Participant.email == theirs)
    state = await session.scalar(select(Participant.state).where(*in_copy))
    if state is not None and state != ParticipantState.REMOVED.value:
        raise invalid("/to", "is in copy of the ticket: reply to them on the ticket")


async def _write(
    session: Session, caller: Caller, found: AuthorizedTicket, conversation: SideConversation, body: SideReplyInput
) -> str | None:
    """Adds a message, announces it, and writes down that the ticket is to be put on hold if that is asked for.

    Returns the id of the command that does so.
    """
    now, message_id = utc_now(), MessageId(new_id())
    before = await messages_in(session, [conversation.id])
    if len(before) >= MOST_MESSAGES:
        raise invalid("/body", f"a side conversation has at most {MOST_MESSAGES} messages")
    ours = [MessageId(one.id) for one in before if one.author_id is not None]
    message = SideMessage(
        id=message_id,
        conversation_id=conversation.id,
        author_id=caller.agent_id,
        author_name=caller.name,
        body=body.body,
        body_format=body.body_format.value,
        attachments=[],
        is_automatic=False,
        is_verified=False,
        at=now,
    )
    session.add(message)
    hold = await _write_hold(session, caller, found, message_id) if body.hold else None
    conversation.is_awaited |= body.hold
    await session.flush()
    event = SideMessageSent(
        ticket_id=TicketId(conversation.ticket_id),
        conversation_id=conversation.id,
        message_id=message_id,
        author=Author(kind=caller.kind, id=caller.agent_id, name=caller.name),
        email=conversation.address,
        subject=conversation.subject if not before else f"Re: {conversation.subject}",
        body=body.body,
        body_format=body.body_format,
        earlier=tuple(ours[-MOST_EARLIER:]),
        answers=next((one.mail_id for one in reversed(before) if one.mail_id), None),
        sent_at=now,
    )
    await outbox.add(session, event, side_event_id(message_id), now)
    return hold


async def _write_hold(session: Session, caller: Caller, found: AuthorizedTicket, message_id: UUID) -> str | None:
    ticket = found.ticket
    found.require(ACTION_PERMISSIONS[Action.HOLD])
    if ticket.status == Status.ON_HOLD.value:
        return None
    if ticket.status not in HOLDABLE:
        raise IllegalTransition(f"a ticket that is {ticket.status} cannot be put on hold")
    command = HoldTicket(command_id=f"side-hold:{message_id}", actor=caller.actor, reason=HoldReason.THIRD_PARTY)
    await write_step(session, ticket.id, command, (caller.agent_id, caller.name))
    return command.command_id


async def write_step(
    session: Session, ticket_id: UUID, command: HoldTicket | ResumeTicket, by: tuple[UUID, str]
) -> None:
    """Writes a command of this transaction down, to be sent by whoever looks first after the commit."""
    wanted = IntentRequest(
        command_id=command.command_id,
        ticket_id=ticket_id,
        request_hash=command.command_id.encode(),
        is_keyed=False,
        agent_id=by[0],
        agent_name=by[1],
        about=command.kind,
    )
    await intents.write(session, wanted, command)
    await intents.hand_over(session, command.command_id)
