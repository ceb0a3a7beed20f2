"""A message came for a ticket that is archived: it becomes the first message of a new one."""

from services.intake.commands.submit_ticket import Submission, submit_ticket
from services.intake.live.happenings import followed_up
from services.intake.models import Message, Ticket
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import MessageUnclaimed, Person
from shared.kit.clock import derived_id
from shared.kit.db import Session
from shared.kit.telemetry import log

REPLY_PREFIX = "Re: "


async def open_follow_up(session: Session, unclaimed: MessageUnclaimed) -> None:
    """Opens the follow-up. Its ids derive from the message's, so that doing it again does nothing."""
    message = await session.get(Message, unclaimed.message_id)
    ticket_id = TicketId(derived_id(unclaimed.message_id, "follow-up"))
    if message is None or await session.get(Ticket, ticket_id) is not None:
        log.info("follow_up.skipped", message_id=str(unclaimed.message_id), is_known=message is not None)
        return
    old = await session.get_one(Ticket, message.ticket_id)
    submission = Submission(
        ticket_id=ticket_id,
        message_id=MessageId(derived_id(unclaimed.message_id, "follow-up-message")),
        requester=Person(email=old.requester_email, name=old.requester_name, phone=old.requester_phone),
        subject=old.subject if old.subject.startswith(REPLY_PREFIX) else REPLY_PREFIX + old.subject,
        body=message.body,
        body_format=message.body_format,
        channel=message.channel,
        topic_id=old.topic_id,
        cc=tuple(old.cc),
        follows=old.id,
        api_key_id=old.api_key_id,
        received_at=message.received_at,
    )
    await submit_ticket(session, submission)
    session.add(followed_up(old, message))
