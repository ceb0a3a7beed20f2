"""A message that an agent split off: it becomes the first of a ticket of its own."""

from sqlalchemy import delete, update

from services.intake.attachments.upload import attachment_ref
from services.intake.commands.submit_ticket import Submission, submit_ticket
from services.intake.models import Attachment, Message, Ticket, TimelineEntry
from services.intake.queries.tickets import attachments_of
from shared.contracts.base import MessageId
from shared.contracts.events import Person, TicketSplit
from shared.kit.db import Session
from shared.kit.telemetry import log


async def split_ticket(session: Session, split: TicketSplit) -> None:
    """Moves the message, with its files, to a new ticket that starts when it was received. Once more does nothing."""
    message = await session.get(Message, split.message_id)
    old = await session.get(Ticket, split.ticket_id)
    if message is None or old is None or message.ticket_id != old.id or old.erased_at is not None:
        log.info("split.skipped", message_id=str(split.message_id))
        return
    files = (await attachments_of(session, [message.id])).get(message.id, [])
    submission = Submission(
        ticket_id=split.new_ticket_id,
        message_id=MessageId(message.id),
        requester=Person(email=message.author_email or old.requester_email, name=message.author_name),
        subject=split.subject,
        body=message.body,
        quoted=message.quoted,
        mail_id=message.mail_id,
        body_format=message.body_format,
        channel=message.channel,
        topic_id=old.topic_id,
        api_key_id=old.api_key_id,
        received_at=message.received_at,
        is_automatic=message.is_automatic,
        attachments=tuple(attachment_ref(file) for file in files),
    )
    await session.execute(delete(TimelineEntry).where(TimelineEntry.message_id == message.id))
    await session.delete(message)
    await session.flush()
    await submit_ticket(session, submission)
    moved = update(Attachment).where(Attachment.id.in_([file.id for file in files]))
    await session.execute(moved.values(ticket_id=submission.ticket_id))
