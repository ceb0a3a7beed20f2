"""What mail servers and third parties send back: an answer is kept beside the ticket and may end its waiting."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from services.assignment.commands.conversation.side_conversations import write_step
from services.assignment.models import SideConversation, SideMessage, Ticket
from shared.contracts.commands import ResumeTicket
from shared.contracts.events import NotificationFailed, SideMessageReceived
from shared.contracts.events.side_conversations import side_event_id, side_message_of
from shared.contracts.tickets import SYSTEM
from shared.contracts.vocabulary import HoldReason, Status
from shared.kit import outbox
from shared.kit.db import Session
from shared.kit.telemetry import log

BOUNCED = "A mail server reports that the mail could not be delivered."
TEMPLATE = "side_message"
"""The template of notification's mails to third parties."""
AWAITING = frozenset({HoldReason.THIRD_PARTY.value, HoldReason.VENDOR.value})
"""Reasons of holds that an answer ends."""


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
    if event.template == TEMPLATE and (message_id := side_message_of(event.cause)) is not None:
        await _mark_failed(session, UUID(message_id), event.reason)


async def forget_side_messages(session: Session, message_ids: Collection[UUID]) -> set[UUID]:
    """Removes the conversations that these are part of, and ends the waiting for their answers; returns the tickets."""
    theirs = select(SideMessage.conversation_id).where(SideMessage.id.in_(message_ids))
    held = select(SideConversation).where(SideConversation.id.in_(theirs)).order_by(SideConversation.id)
    conversations = (await session.scalars(held.with_for_update())).all()
    for conversation in conversations:
        if conversation.is_awaited:
            await _resume(session, conversation, conversation.id)
    these = [conversation.id for conversation in conversations]
    written = await session.scalars(select(SideMessage.id).where(SideMessage.conversation_id.in_(these)))
    await outbox.forget_events(session, [side_event_id(message_id) for message_id in written])
    tickets = {conversation.ticket_id for conversation in conversations}
    await session.flush()
    await session.execute(delete(SideConversation).where(SideConversation.id.in_(these)))
    return tickets


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
