"""Replies whose undo time has not passed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from services.assignment.models import Agent, HeldReply, Message, Note
from services.assignment.schemas.composing import HeldReplyView
from services.assignment.schemas.tickets import AgentRef
from shared.kit.db import Session


async def list_held(session: Session, ticket_id: UUID) -> list[HeldReplyView]:
    """The replies of everybody that are on their way to the requester, oldest first."""
    query = (
        select(HeldReply, Agent.name.label("agent_name"))
        .join(Agent, Agent.id == HeldReply.agent_id)
        .where(HeldReply.ticket_id == ticket_id)
        .order_by(HeldReply.held_at)
    )
    return [held_view(row.HeldReply, row.agent_name) for row in await session.execute(query)]


async def was_just_written(session: Session, agent_id: UUID, ticket_id: UUID, body: str, since: datetime) -> bool:
    """Whether the agent has written these very words on the ticket since then: a form that was sent again."""
    held = select(HeldReply.id).where(
        HeldReply.ticket_id == ticket_id, HeldReply.agent_id == agent_id, HeldReply.body == body
    )
    sent = select(Message.id).where(
        Message.ticket_id == ticket_id, Message.posted_at >= since, Message.author_id == agent_id, Message.body == body
    )
    noted = select(Note.id).where(
        Note.ticket_id == ticket_id, Note.added_at >= since, Note.author_id == agent_id, Note.body == body
    )
    return await session.scalar(held.union_all(sent, noted).limit(1)) is not None


def held_view(row: HeldReply, agent_name: str) -> HeldReplyView:
    """As the API answers it."""
    return HeldReplyView.model_validate(
        {
            "id": row.id,
            "agent": AgentRef(id=row.agent_id, name=agent_name),
            "body": row.body,
            "body_format": row.body_format,
            "attachments": row.attachments,
            "then": row.following,
            "held_at": row.held_at,
            "send_at": row.send_at,
        }
    )
