"""A message came for a ticket that is archived: it goes to the ticket that goes on from it, or opens one."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import func, select

from services.intake.attachments.upload import attachment_ref
from services.intake.commands.merged_tickets import target_of
from services.intake.commands.new_message import NewMessage, announce_message, message_row
from services.intake.commands.submit_ticket import Submission, submit_ticket
from services.intake.live.timeline import follow_up_entry
from services.intake.models import Attachment, Message, Ticket
from services.intake.queries.tickets import attachments_of
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import MessageUnclaimed, Person
from shared.kit.addresses import address_key
from shared.kit.clock import derived_id
from shared.kit.db import Session
from shared.kit.telemetry import log
from shared.kit.user_content.rendering import ATTACHED

REPLY_PREFIX = "Re: "


async def open_follow_up(session: Session, unclaimed: MessageUnclaimed) -> None:
    """Opens the follow-up of a message whose ticket turned out to be archived, unless that was done on its arrival.

    If the ticket is part of another one, the message goes to that.
    """
    message = await session.get(Message, unclaimed.message_id)
    if message is None or message.follow_up_id is not None:
        log.info("follow_up.skipped", message_id=str(unclaimed.message_id), is_known=message is not None)
        return
    old = await session.get_one(Ticket, message.ticket_id)
    if old.erased_at is not None:
        log.info("follow_up.erased", message_id=str(unclaimed.message_id))
        return
    if unclaimed.merged_into is not None or old.merged_into is not None:
        await _add_to_merged(session, old, message, unclaimed.merged_into)
        return
    await add_to_follow_up(session, old, message)


async def _add_to_merged(session: Session, old: Ticket, message: Message, merged_into: TicketId | None) -> None:
    """A message that came while its ticket was being merged goes to the ticket that that is part of now."""
    known = await session.get(Ticket, merged_into) if merged_into is not None else old
    target = await target_of(session, known or old)
    if target.id != old.id and target.erased_at is None:
        message.follow_up_id = await _add(session, target, message)
        session.add(follow_up_entry(old, message, TicketId(target.id)))


async def add_to_follow_up(session: Session, old: Ticket, message: Message) -> TicketId:
    """Takes a flushed message to the ticket that goes on from an archived one; opens that if there is none.

    The ids of what it makes derive from the message's. What is mailed of it answers the mail that the message came by.
    """
    last = await _last_of(session, old)
    goes_on = last.id != old.id and not last.is_archived
    ticket_id = await (_add if goes_on else _open)(session, last, message)
    message.follow_up_id = ticket_id
    session.add(follow_up_entry(old, message, ticket_id))
    return ticket_id


async def _last_of(session: Session, old: Ticket) -> Ticket:
    """The last of the tickets that go on from one another, beginning with an archived one.

    Whoever opens a follow-up holds the lock of the ticket it follows, so of two messages at once the second finds
    what the first has opened. Locks are taken from the oldest ticket on.
    """
    last = old
    while last.id == old.id or last.is_archived:
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"follow-up:{last.id}", 0))))
        newest = select(Ticket).where(Ticket.follows == last.id, Ticket.erased_at.is_(None))
        newest = newest.order_by(Ticket.created_at.desc(), Ticket.id.desc()).limit(1)
        found = await session.scalar(
            newest.with_for_update(read=True, key_share=True).execution_options(populate_existing=True)
        )
        if found is None:
            break
        last = found
    return last


async def _add(session: Session, ticket: Ticket, message: Message) -> TicketId:
    """Adds the message to the follow-up that is there, with copies of its files."""
    message_id = MessageId(derived_id(message.id, "follow-up-message"))
    copies = await _copies(session, message)
    author = message.author_email
    if author is None:
        old = await session.get_one(Ticket, message.ticket_id)
        author = (
            None if address_key(old.requester_email) == address_key(ticket.requester_email) else old.requester_email
        )
    post = NewMessage(
        message_id=message_id,
        body=_naming(message.body, copies),
        body_format=message.body_format,
        channel=message.channel,
        received_at=message.received_at,
        author_name=message.author_name,
        author_email=author,
        quoted=message.quoted,
        mail_id=message.mail_id,
        is_automatic=message.is_automatic,
        attachments=tuple(attachment_ref(copy) for copy in copies.values()),
    )
    again = message_row(ticket, post)
    session.add(again)
    await session.flush()
    _attach(session, copies, ticket.id, message_id)
    await announce_message(session, ticket, again, post, was_archived=False, is_told=False)
    return TicketId(ticket.id)


async def _open(session: Session, old: Ticket, message: Message) -> TicketId:
    """Makes the message the first of a new ticket."""
    ticket_id = TicketId(derived_id(message.id, "follow-up"))
    copies = await _copies(session, message)
    submission = Submission(
        ticket_id=ticket_id,
        message_id=MessageId(derived_id(message.id, "follow-up-message")),
        requester=Person(
            email=old.requester_email,
            name=old.requester_name,
            phone=old.requester_phone,
            language=old.requester_language,
        ),
        subject=old.subject if old.subject.startswith(REPLY_PREFIX) else REPLY_PREFIX + old.subject,
        body=_naming(message.body, copies),
        quoted=message.quoted,
        mail_id=message.mail_id,
        body_format=message.body_format,
        channel=message.channel,
        topic_id=old.topic_id,
        cc=tuple(old.cc),
        follows=old.id,
        api_key_id=old.api_key_id,
        received_at=message.received_at,
        is_automatic=message.is_automatic,
        attachments=tuple(attachment_ref(copy) for copy in copies.values()),
    )
    await submit_ticket(session, submission)
    _attach(session, copies, submission.ticket_id, submission.message_id)
    return ticket_id


async def _copies(session: Session, message: Message) -> dict[UUID, Attachment]:
    """Copies of a message's files, by the ids of the originals."""
    files = (await attachments_of(session, [message.id])).get(message.id, [])
    return {file.id: _copy(file) for file in files}


def _attach(session: Session, copies: Mapping[UUID, Attachment], ticket_id: UUID, message_id: UUID) -> None:
    for copy in copies.values():
        copy.ticket_id, copy.message_id = ticket_id, message_id
    session.add_all(copies.values())


def _copy(file: Attachment) -> Attachment:
    """The same bytes under a name of the new ticket's own."""
    kept = ("digest", "name", "media_type", "size", "state", "owner", "field", "content_id", "is_inline")
    return Attachment(id=derived_id(file.id, "follow-up"), **{name: getattr(file, name) for name in kept})


def _naming(body: str, copies: Mapping[UUID, Attachment]) -> str:
    """A body that shows the copies where it showed the files."""
    for file_id, copy in copies.items():
        body = body.replace(f"{ATTACHED}{file_id}", f"{ATTACHED}{copy.id}")
    return body
