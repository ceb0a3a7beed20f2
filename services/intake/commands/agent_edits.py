"""Applies edits made on the desk to intake's tickets and messages."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select, update

from services.intake.attachments.attaching import owner_of_agent
from services.intake.models import Attachment, Message, Ticket
from shared.contracts.events import MessageEdited, MessagePosted, NoteFilesAttached, TicketEdited
from shared.kit.bus import NotYet
from shared.kit.db import Session


async def edit_ticket(session: Session, edited: TicketEdited) -> UUID:
    """Brings subject, topic, answers and requester to what the agent wrote; an erased ticket stays empty.

    Each is kept as the newest edit of it says, for an older one may come late. The caller holds the ticket's row.
    """
    ticket = await session.get(Ticket, edited.ticket_id, populate_existing=True)
    if ticket is None or ticket.erased_at is not None:
        return edited.ticket_id
    at = edited.edited_at
    if edited.subject is not None and _is_newer(at, ticket.subject_edited_at):
        ticket.subject, ticket.subject_edited_at = edited.subject, at
    if edited.topic_id is not None and _is_newer(at, ticket.topic_edited_at):
        ticket.topic_id, ticket.topic_edited_at = edited.topic_id, at
    if edited.fields is not None and _is_newer(at, ticket.fields_edited_at):
        ticket.fields, ticket.fields_edited_at = edited.fields, at
    if edited.requester is not None and _is_newer(at, ticket.requester_edited_at):
        ticket.requester_email, ticket.requester_name = edited.requester.email, edited.requester.name
        ticket.requester_edited_at = at
    await session.flush()
    return edited.ticket_id


def _is_newer(at: datetime, known: datetime | None) -> bool:
    """What was edited before that was kept is older than every edit."""
    return known is None or known < at


async def edit_message(session: Session, edited: MessageEdited) -> UUID:
    """Replaces an agent's reply unless it says something newer; what was erased stays so.

    Raises NotYet for a reply that has not come here: it would be kept as it was before.
    """
    alive = select(Ticket.id).where(Ticket.id == edited.ticket_id, Ticket.erased_at.is_(None))
    theirs = Message.id == edited.message_id, Message.ticket_id.in_(alive)
    is_newer = or_(Message.version.is_(None), Message.version < edited.version)
    values = {
        "body": edited.body,
        "body_format": edited.body_format,
        "rendered": None,
        "version": edited.version,
    }
    changed = update(Message).where(*theirs, is_newer).values(values).returning(Message.id)
    if await session.scalar(changed) is None:
        known = select(Message.id).where(Message.id == edited.message_id)
        if await session.scalar(alive) is not None and await session.scalar(known) is None:
            raise NotYet(f"the message {edited.message_id} has not come")
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
