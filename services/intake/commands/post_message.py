"""The requester, or somebody who takes part, writes again: a message row, and the news of it."""

from dataclasses import replace

from sqlalchemy import select

from services.intake.attachments.attaching import ChosenFiles, claim
from services.intake.commands.new_message import NewMessage, announce_message, message_row
from services.intake.commands.open_follow_up import follow_up
from services.intake.errors import erased
from services.intake.live.timeline import said
from services.intake.models import Message, Ticket
from shared.kit.db import Session


async def post_message(session: Session, ticket: Ticket, post: NewMessage) -> Message:
    """Records a message on a ticket, whatever its status; the workflow decides what follows from it.

    A ticket known to be archived has no workflow to ask: the message goes to its follow-up at once.
    Raises Problem 410 for an erased ticket.
    """
    known = select(Ticket.is_archived).where(Ticket.id == ticket.id, Ticket.erased_at.is_(None))
    was_archived = await session.scalar(known.with_for_update(read=True, key_share=True))
    if was_archived is None:
        raise erased()
    message = message_row(ticket, post)
    session.add(message)
    if was_archived:
        await _on_archived(session, message, post.mail_id)
    await announce_message(session, ticket, message, post, was_archived=was_archived)
    return message


async def _on_archived(session: Session, message: Message, mail_id: str | None) -> None:
    """What the bus would bring back later, done now: the message's place in the timeline, and its follow-up."""
    await session.flush()
    query = select(Ticket).where(Ticket.id == message.ticket_id).with_for_update(key_share=True)
    ticket = (await session.scalars(query.execution_options(populate_existing=True))).one()
    session.add(said(ticket, message))
    await session.flush()
    if not message.is_automatic:
        await follow_up(session, ticket, message, mail_id)


async def post_with_files(session: Session, ticket: Ticket, post: NewMessage, chosen: ChosenFiles) -> Message:
    """The same with files that were sent before. Raises Problem 422 for one that is not there to be attached."""
    refs = await claim(session, chosen, ticket.id, post.message_id)
    return await post_message(session, ticket, replace(post, attachments=refs))
