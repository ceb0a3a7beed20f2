"""What agents write reaches the requester's thread as rows of our own."""

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from services.intake.models import Attachment, Message, Ticket
from shared.contracts.events import MessagePosted
from shared.kit.db import Session


async def record_reply(session: Session, posted: MessagePosted) -> None:
    """Keeps an agent's message, once. One for a ticket we do not know, or have erased, is dropped.

    Files that came with it by mail are the requester's to see from now on.
    """
    wanted = select(Ticket.id).where(Ticket.id == posted.ticket_id, Ticket.erased_at.is_(None))
    if await session.scalar(wanted) is None:
        return
    values = {
        "id": posted.message_id,
        "ticket_id": posted.ticket_id,
        "author_kind": posted.author.kind,
        "author_name": posted.author.name,
        "body": posted.body,
        "body_format": posted.body_format,
        "quoted": posted.quoted,
        "channel": posted.channel,
        "received_at": posted.received_at,
        "is_automatic": posted.is_automatic,
    }
    await session.execute(insert(Message).values(values).on_conflict_do_nothing())
    if posted.attachments:
        theirs = Attachment.ticket_id == posted.ticket_id, Attachment.message_id == posted.message_id
        await session.execute(update(Attachment).where(*theirs).values(is_internal=False))
