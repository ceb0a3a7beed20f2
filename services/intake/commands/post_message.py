"""The requester writes again: a message row, and the news of it."""

from datetime import datetime

from services.intake.commands.announce import announce
from services.intake.models import Message, Ticket
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Author, MessagePosted
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel
from shared.kit.clock import new_id
from shared.kit.db import Session


async def post_message(
    session: Session, ticket: Ticket, *, body: str, body_format: BodyFormat, channel: Channel, at: datetime
) -> Message:
    """Records a requester's message on a ticket, whatever its status; the workflow decides what follows from it."""
    message = Message(
        id=new_id(),
        ticket_id=ticket.id,
        author_kind=ActorKind.REQUESTER,
        author_name=ticket.requester_name,
        body=body,
        body_format=body_format,
        channel=channel,
        received_at=at,
        is_automatic=False,
    )
    session.add(message)
    await announce(session, _posted(ticket, message), f"{message.id}:posted", at)
    return message


def _posted(ticket: Ticket, message: Message) -> MessagePosted:
    return MessagePosted(
        ticket_id=TicketId(ticket.id),
        message_id=MessageId(message.id),
        author=Author(kind=ActorKind.REQUESTER, name=ticket.requester_name, email=ticket.requester_email),
        body=message.body,
        body_format=message.body_format,
        channel=message.channel,
        received_at=message.received_at,
    )
