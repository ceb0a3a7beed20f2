"""Applies edits made on the desk to intake's tickets and messages."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from services.intake.attachments.attaching import owner_of_agent
from services.intake.models import Attachment, Message, Ticket
from shared.contracts.events import MessageEdited, MessagePosted, NoteFilesAttached, TicketEdited
from shared.kit.db import Session


async def edit_ticket(session: Session, edited: TicketEdited) -> UUID:
    """Brings subject, topic, answers and requester to what the agent wrote; an erased ticket stays empty."""
    changed: dict[str, Any] = {
        name: value for name in ("subject", "topic_id", "fields") if (value := getattr(edited, name)) is not None
    }
    if edited.requester is not None:
        changed |= {"requester_email": edited.requester.email, "requester_name": edited.requester.name}
    if changed:
        here = (Ticket.id == edited.ticket_id, Ticket.erased_at.is_(None))
        await session.execute(update(Ticket).where(*here).values(changed))
    return edited.ticket_id


async def edit_message(session: Session, edited: MessageEdited) -> UUID:
    """Replaces an agent's reply; what was erased stays so."""
    alive = select(Ticket.id).where(Ticket.id == edited.ticket_id, Ticket.erased_at.is_(None))
    theirs = (Message.id == edited.message_id, Message.ticket_id.in_(alive))
    values = {"body": edited.body, "body_format": edited.body_format, "rendered": None}
    await session.execute(update(Message).where(*theirs).values(values))
    return edited.ticket_id


async def attach_to_note(session: Session, attached: NoteFilesAttached) -> UUID:
    """Puts an agent's files on the ticket where only agents get them."""
    theirs = (
        Attachment.id.in_(attached.attachment_ids),
        Attachment.owner == owner_of_agent(attached.agent_id),
        Attachment.ticket_id.is_(None),
    )
    values = {"ticket_id": attached.ticket_id, "message_id": attached.note_id, "is_internal": True}
    await session.execute(update(Attachment).where(*theirs).values(values))
    return attached.ticket_id


def attaching(posted: MessagePosted) -> Any:
    """The statement that puts an agent's files on the ticket with the reply that names them."""
    assert posted.author.id is not None
    theirs = (
        Attachment.id.in_([file.id for file in posted.attachments]),
        Attachment.owner == owner_of_agent(posted.author.id),
        Attachment.ticket_id.is_(None),
    )
    return update(Attachment).where(*theirs).values(ticket_id=posted.ticket_id, message_id=posted.message_id)
