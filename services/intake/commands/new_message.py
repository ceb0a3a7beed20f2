"""A new message of a requester or participant: its value, its row, and its `message.posted` event."""

from dataclasses import dataclass, field
from datetime import datetime

from services.intake.models import Message, Ticket
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import AttachmentRef, Author, Envelope, MessagePosted
from shared.contracts.redaction import redacted
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel
from shared.kit import outbox
from shared.kit.clock import new_id
from shared.kit.db import Session


def _new_message_id() -> MessageId:
    return MessageId(new_id())


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message from any channel, already validated."""

    body: str
    body_format: BodyFormat
    channel: Channel
    received_at: datetime
    author_name: str | None = None
    """Of a participant; the requester's own name where nothing is said."""
    author_email: str | None = None
    requester_address: str | None = None
    """Which of their addresses the requester wrote from, where that is known: answers go there."""
    quoted: str = ""
    mail_id: str | None = None
    is_automatic: bool = False
    attachments: tuple[AttachmentRef, ...] = ()
    message_id: MessageId = field(default_factory=_new_message_id)

    def __post_init__(self) -> None:
        """Takes our personal links out: an answer quotes the mail that brought one."""
        object.__setattr__(self, "body", redacted(self.body))
        object.__setattr__(self, "quoted", redacted(self.quoted))
        if self.author_name:
            object.__setattr__(self, "author_name", redacted(self.author_name))


def message_row(ticket: Ticket, post: NewMessage) -> Message:
    """The row of a message; its author is the requester where the post names nobody."""
    return Message(
        id=post.message_id,
        ticket_id=ticket.id,
        author_kind=ActorKind.REQUESTER,
        author_name=post.author_name or ticket.requester_name,
        author_email=post.author_email,
        body=post.body,
        body_format=post.body_format,
        quoted=post.quoted,
        mail_id=post.mail_id,
        channel=post.channel,
        received_at=post.received_at,
        is_automatic=post.is_automatic,
    )


async def announce_message(
    session: Session, ticket: Ticket, message: Message, post: NewMessage, *, was_archived: bool, is_told: bool
) -> None:
    """Adds the `message.posted` event of a message to the outbox. `is_told`: the timeline has it already."""
    event = message_posted(ticket, message, post, was_archived=was_archived)
    await outbox.add_all(session, [event], is_applied=is_told)


def message_posted(ticket: Ticket, message: Message, post: NewMessage, *, was_archived: bool) -> Envelope:
    """The `message.posted` event of a message."""
    event = MessagePosted(
        ticket_id=TicketId(ticket.id),
        message_id=post.message_id,
        author=Author(
            kind=ActorKind.REQUESTER,
            name=message.author_name,
            email=post.author_email or ticket.requester_email,
        ),
        body=post.body,
        body_format=post.body_format,
        channel=post.channel,
        attachments=post.attachments,
        is_automatic=post.is_automatic,
        quoted=post.quoted,
        mail_id=post.mail_id,
        received_at=post.received_at,
        requester_address=post.requester_address,
        was_archived=was_archived,
        follow_up_id=TicketId(message.follow_up_id) if message.follow_up_id else None,
    )
    return event.envelope(f"{message.id}:posted", post.received_at)
