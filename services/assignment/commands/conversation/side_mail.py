"""What mail servers and third parties send back: an answer is kept beside the ticket and may end its waiting."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from services.assignment.commands.conversation.side_conversations import write_step
from services.assignment.models import SideConversation, SideMessage, Ticket
from shared.contracts.commands import ResumeTicket
from shared.contracts.events import NotificationFailed, SideMessageReceived
from shared.contracts.tickets import SYSTEM
from shared.contracts.vocabulary import HoldReason, Status
from shared.kit.db import Session
from shared.kit.telemetry import log

BOUNCED = "A mail server reports that the mail could not be delivered."
TEMPLATE = "side_message"
"""The template of notification's mails to third parties."""
AWAITING = frozenset({HoldReason.THIRD_PARTY.value, HoldReason.VENDOR.value})
"""Reasons of holds that an answer ends."""
CAUSE = "side-message:"
"""How the id of the event begins that such a mail was sent for."""


async def take_side_message(session: Session, mail: SideMessageReceived) -> None:
    """Keeps an answer with its conversation, once; a bounce marks the message that did not arrive.

    Either ends the waiting for it. A report that proves nothing by itself marks nothing: whoever has seen the mail's id
    can write one. If it counts all the same, notification says that the mail failed.
    """
    query = (
        select(SideConversation)
        .join(SideMessage, SideMessage.conversation_id == SideConversation.id)
        .where(SideMessage.id == mail.answered_id, SideConversation.ticket_id == mail.ticket_id)
    )
    conversation = await session.scalar(query)
    if conversation is None:
        log.warning("side_mail.unknown", ticket_id=str(mail.ticket_id), message_id=str(mail.answered_id))
        return
    if mail.is_bounce:
        if mail.is_proved is not False:
            await _mark_failed(session, mail.answered_id, BOUNCED)
        return
    added = await session.scalar(
        insert(SideMessage)
        .values(
            id=mail.message_id,
            conversation_id=conversation.id,
            author_name=mail.author_name,
            body=mail.body,
            body_format=mail.body_format.value,
            attachments=[one.model_dump(mode="json") for one in mail.attachments],
            mail_id=mail.mail_id,
            is_automatic=mail.is_automatic,
            is_verified=mail.is_verified,
            at=mail.received_at,
        )
        .on_conflict_do_nothing()
        .returning(SideMessage.id)
    )
    if added is not None and conversation.is_awaited and not mail.is_automatic:
        await _resume(session, conversation, mail.message_id)


async def take_failed_mail(session: Session, event: NotificationFailed) -> None:
    """Marks the message whose mail was given up; other mails are no business of ours."""
    if event.template == TEMPLATE and event.cause.startswith(CAUSE):
        await _mark_failed(session, UUID(event.cause.removeprefix(CAUSE)), event.reason)


async def _mark_failed(session: Session, message_id: UUID, reason: str) -> None:
    """Marks a message; what it was to bring is not waited for any more, unless another was sent after it."""
    theirs = SideMessage.id == message_id, SideMessage.failed_because.is_(None)
    marked = update(SideMessage).where(*theirs).values(failed_because=reason).returning(SideMessage.conversation_id)
    conversation_id = await session.scalar(marked)
    conversation = await session.get(SideConversation, conversation_id) if conversation_id is not None else None
    if conversation is None or not conversation.is_awaited:
        return
    ours = select(SideMessage.id).where(
        SideMessage.conversation_id == conversation.id, SideMessage.author_id.is_not(None)
    )
    if await session.scalar(ours.order_by(SideMessage.at.desc(), SideMessage.id.desc()).limit(1)) == message_id:
        await _resume(session, conversation, message_id)


async def _resume(session: Session, conversation: SideConversation, message_id: UUID) -> None:
    """Ends the waiting; the ticket goes on if it still waits for a third party."""
    conversation.is_awaited = False
    query = select(Ticket.status, Ticket.snapshot["hold_reason"].astext.label("reason"))
    ticket = (await session.execute(query.where(Ticket.id == conversation.ticket_id))).one_or_none()
    if ticket is None or ticket.status != Status.ON_HOLD.value or ticket.reason not in AWAITING:
        return
    command = ResumeTicket(command_id=f"side-resume:{message_id}", actor=SYSTEM)
    by = conversation.created_by, conversation.created_by_name
    await write_step(session, conversation.ticket_id, command, by)
