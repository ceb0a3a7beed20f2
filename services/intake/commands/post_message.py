"""The requester, or somebody who takes part, writes again: a message row, and the news of it."""

from dataclasses import replace

from sqlalchemy import select

from services.intake.attachments.attaching import ChosenFiles, claim
from services.intake.commands.merged_tickets import redirected
from services.intake.commands.new_message import NewMessage, announce_message, message_row
from services.intake.commands.open_follow_up import add_to_follow_up
from services.intake.errors import erased
from services.intake.live.timeline import say
from services.intake.models import Message, Ticket
from shared.kit.db import Session


async def post_message(session: Session, ticket: Ticket, post: NewMessage) -> Message:
    """Records a message on a ticket, whatever its status; the workflow decides what follows from it.

    The ticket's row is held from here to the end of the transaction, as the order of its timeline wants it.
    A ticket known to be archived has no workflow to ask: the message goes to its follow-up at once.
    Raises Problem 410 for an erased ticket.
    """
    known = select(Ticket).where(Ticket.id == ticket.id, Ticket.erased_at.is_(None)).with_for_update(key_share=True)
    held = await session.scalar(known.execution_options(populate_existing=True))
    if held is None:
        raise erased()
    message = message_row(held, post)
    session.add(message)
    say(session, held, message)
    if held.is_archived:
        await session.flush()
        if not message.is_automatic:
            await add_to_follow_up(session, held, message)
    await announce_message(session, held, message, post, was_archived=held.is_archived, is_told=True)
    return message


async def post_with_files(session: Session, ticket: Ticket, post: NewMessage, chosen: ChosenFiles) -> Message:
    """The same with files that were sent before; on a merged ticket, on the one it is part of.

    Raises Problem 422 for a file that is not there to be attached.
    """
    target, written = await redirected(session, ticket, post)
    refs = await claim(session, chosen, target.id, written.message_id)
    return await post_message(session, target, replace(written, attachments=refs))
