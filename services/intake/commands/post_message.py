"""The requester, or somebody who takes part, writes again: a message row, and the news of it."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select

from services.intake.attachments.claiming import Chosen, claim
from services.intake.commands.open_follow_up import follow_up
from services.intake.errors import erased
from services.intake.live.happenings import said
from services.intake.models import Message, Ticket
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import AttachmentRef, Author, MessagePosted
from shared.contracts.redaction import redacted
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel
from shared.kit import outbox
from shared.kit.clock import new_id
from shared.kit.db import Session


def _new_message_id() -> MessageId:
    return MessageId(new_id())


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A message as it came through one of the doors, already checked."""

    body: str
    body_format: BodyFormat
    channel: Channel
    received_at: datetime
    author_name: str | None = None
    """Of a participant; the requester's own name where nothing is said."""
    author_email: str | None = None
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


async def post_message(session: Session, ticket: Ticket, post: Post) -> Message:
    """Records a message on a ticket, whatever its status; the workflow decides what follows from it.

    A ticket known to be archived has no workflow to ask: its follow-up is opened at once. Raises Problem 410 for an
    erased ticket.
    """
    known = select(Ticket.is_archived).where(Ticket.id == ticket.id, Ticket.erased_at.is_(None))
    was_archived = await session.scalar(known.with_for_update(read=True, key_share=True))
    if was_archived is None:
        raise erased()
    message = Message(
        id=post.message_id,
        ticket_id=ticket.id,
        author_kind=ActorKind.REQUESTER,
        author_name=post.author_name or ticket.requester_name,
        author_email=post.author_email,
        body=post.body,
        body_format=post.body_format,
        quoted=post.quoted,
        channel=post.channel,
        received_at=post.received_at,
        is_automatic=post.is_automatic,
    )
    session.add(message)
    if was_archived:
        await _on_archived(session, message, post.mail_id)
    event = _posted(ticket, message, post, was_archived=was_archived)
    await outbox.add(session, event, f"{message.id}:posted", post.received_at)
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


async def post_with_files(session: Session, ticket: Ticket, post: Post, chosen: Chosen) -> Message:
    """The same with files that were sent before. Raises Problem 422 for one that is not there to be attached."""
    refs = await claim(session, chosen, ticket.id, post.message_id)
    return await post_message(session, ticket, replace(post, attachments=refs))


def _posted(ticket: Ticket, message: Message, post: Post, *, was_archived: bool) -> MessagePosted:
    return MessagePosted(
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
        was_archived=was_archived,
        follow_up_id=TicketId(message.follow_up_id) if message.follow_up_id else None,
    )
