"""A message came for a ticket that is archived: it becomes the first message of a new one."""

from collections.abc import Mapping
from uuid import UUID

from services.intake.attachments.keeping import ref_of
from services.intake.commands.submit_ticket import Submission, submit_ticket
from services.intake.live.happenings import followed_up
from services.intake.models import Attachment, Message, Ticket
from services.intake.queries import attachments_of
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import MessageUnclaimed, Person
from shared.kit.clock import derived_id
from shared.kit.db import Session
from shared.kit.foreign.rendering import ATTACHED
from shared.kit.telemetry import log

REPLY_PREFIX = "Re: "


async def open_follow_up(session: Session, unclaimed: MessageUnclaimed) -> None:
    """Opens the follow-up of a message whose ticket turned out to be archived, unless that was done on its arrival."""
    message = await session.get(Message, unclaimed.message_id)
    if message is None or message.follow_up_id is not None:
        log.info("follow_up.skipped", message_id=str(unclaimed.message_id), is_known=message is not None)
        return
    old = await session.get_one(Ticket, message.ticket_id)
    if old.erased_at is not None:
        log.info("follow_up.erased", message_id=str(unclaimed.message_id))
        return
    await follow_up(session, old, message)


async def follow_up(session: Session, old: Ticket, message: Message, mail_id: str | None = None) -> TicketId:
    """Makes a flushed message the first of a new ticket. Its ids derive from the message's, so there can be but one.

    `mail_id` is the Message-ID of the mail it came by, where that is still known.
    """
    ticket_id = TicketId(derived_id(message.id, "follow-up"))
    files = (await attachments_of(session, [message.id])).get(message.id, [])
    copies = {file.id: _copy(file) for file in files}
    submission = Submission(
        ticket_id=ticket_id,
        message_id=MessageId(derived_id(message.id, "follow-up-message")),
        requester=Person(email=old.requester_email, name=old.requester_name, phone=old.requester_phone),
        subject=old.subject if old.subject.startswith(REPLY_PREFIX) else REPLY_PREFIX + old.subject,
        body=_naming(message.body, copies),
        quoted=message.quoted,
        mail_id=mail_id,
        body_format=message.body_format,
        channel=message.channel,
        topic_id=old.topic_id,
        cc=tuple(old.cc),
        follows=old.id,
        api_key_id=old.api_key_id,
        received_at=message.received_at,
        is_automatic=message.is_automatic,
        attachments=tuple(ref_of(copy) for copy in copies.values()),
    )
    await submit_ticket(session, submission)
    for copy in copies.values():
        copy.ticket_id, copy.message_id = submission.ticket_id, submission.message_id
    session.add_all(copies.values())
    message.follow_up_id = ticket_id
    session.add(followed_up(old, message, ticket_id))
    return ticket_id


def _copy(file: Attachment) -> Attachment:
    """The same bytes under a name of the new ticket's own."""
    kept = ("digest", "name", "media_type", "size", "state", "owner", "field", "content_id", "is_inline")
    return Attachment(id=derived_id(file.id, "follow-up"), **{name: getattr(file, name) for name in kept})


def _naming(body: str, copies: Mapping[UUID, Attachment]) -> str:
    """A body that shows the copies where it showed the files."""
    for file_id, copy in copies.items():
        body = body.replace(f"{ATTACHED}{file_id}", f"{ATTACHED}{copy.id}")
    return body
