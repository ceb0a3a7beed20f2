"""Conversations with third parties beside a ticket, as they are shown."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from services.assignment.models import SideConversation, SideMessage
from services.assignment.schemas.conversation import FileView
from services.assignment.schemas.side_conversations import SideConversationView, SideMessageView
from services.assignment.schemas.tickets import AgentRef
from shared.contracts.events import AttachmentRef
from shared.contracts.vocabulary import BodyFormat
from shared.kit.auth import FileLinks
from shared.kit.db import Session
from shared.kit.http.problems import not_found


async def list_side_conversations(session: Session, links: FileLinks, ticket_id: UUID) -> list[SideConversationView]:
    """Returns those of a ticket, oldest first."""
    query = select(SideConversation).where(SideConversation.ticket_id == ticket_id)
    found = (await session.scalars(query.order_by(SideConversation.created_at, SideConversation.id))).all()
    return await _views(session, links, found)


async def get_side_conversation(
    session: Session, links: FileLinks, ticket_id: UUID, conversation_id: UUID
) -> SideConversationView:
    """Returns one of them. Raises Problem 404."""
    found = await find_side_conversation(session, ticket_id, conversation_id)
    return (await _views(session, links, [found]))[0]


async def find_side_conversation(session: Session, ticket_id: UUID, conversation_id: UUID) -> SideConversation:
    """Returns the row of one. Raises Problem 404, also for one of another ticket."""
    this_one = SideConversation.id == conversation_id, SideConversation.ticket_id == ticket_id
    found = await session.scalar(select(SideConversation).where(*this_one))
    if found is None:
        raise not_found("side conversation")
    return found


async def messages_in(session: Session, conversation_ids: Sequence[UUID]) -> Sequence[SideMessage]:
    """Returns the messages of conversations, oldest first."""
    query = select(SideMessage).where(SideMessage.conversation_id.in_(conversation_ids))
    return (await session.scalars(query.order_by(SideMessage.at, SideMessage.id))).all()


async def _views(
    session: Session, links: FileLinks, conversations: Sequence[SideConversation]
) -> list[SideConversationView]:
    if not conversations:
        return []
    messages: dict[UUID, list[SideMessageView]] = defaultdict(list)
    for message in await messages_in(session, [one.id for one in conversations]):
        messages[message.conversation_id].append(_message(message, links))
    return [
        SideConversationView(
            id=one.id,
            to=one.address,
            subject=one.subject,
            created_by=AgentRef(id=one.created_by, name=one.created_by_name),
            created_at=one.created_at,
            is_awaited=one.is_awaited,
            messages=tuple(messages[one.id]),
        )
        for one in conversations
    ]


def _message(message: SideMessage, links: FileLinks) -> SideMessageView:
    refs = [AttachmentRef.model_validate(attachment) for attachment in message.attachments]
    return SideMessageView(
        id=message.id,
        author=AgentRef(id=message.author_id, name=message.author_name) if message.author_id else None,
        author_name=message.author_name,
        body=message.body,
        body_format=BodyFormat(message.body_format),
        attachments=tuple(FileView(**dict(ref), url=links.url(ref.id)) for ref in refs),
        is_automatic=message.is_automatic,
        is_verified=message.is_verified,
        failed_because=message.failed_because,
        at=message.at,
    )
