"""Tables of conversations with third parties beside a ticket."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class SideConversation(Base):
    """What agents and one third party write to each other about a ticket; its requester never sees any of it."""

    __tablename__ = "side_conversations"
    __table_args__ = (Index("ix_side_conversations_ticket_id", "ticket_id", "created_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID]
    address: Mapped[str] = mapped_column(String(320))
    subject: Mapped[str] = mapped_column(Text)
    created_by: Mapped[UUID]
    created_by_name: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    is_awaited: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether the ticket was put on hold until the third party answers."""


class SideMessage(Base):
    """One message of such a conversation."""

    __tablename__ = "side_messages"
    __table_args__ = (Index("ix_side_messages_conversation_id", "conversation_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("side_conversations.id", ondelete="CASCADE"))
    author_id: Mapped[UUID | None]
    """The agent or program who wrote it; null for what the third party wrote."""
    author_name: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    body_format: Mapped[str] = mapped_column(String(16))
    attachments: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    mail_id: Mapped[str | None] = mapped_column(Text)
    """The Message-ID of a mail that came in."""
    is_automatic: Mapped[bool] = mapped_column(server_default=text("false"))
    is_verified: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether our mail server vouched for the third party's address."""
    failed_because: Mapped[str | None] = mapped_column(Text)
    """Why a mail of ours did not arrive."""
    at: Mapped[datetime]
