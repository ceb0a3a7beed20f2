"""Tables of composing and collaboration: drafts, held replies, files, followers, links, edits."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class ComposerDraft(Base):
    """What an agent has written on a ticket and not sent yet: at most one reply and one note."""

    __tablename__ = "drafts"
    __table_args__ = (Index("ix_drafts_ticket_id", "ticket_id"), Index("ix_drafts_updated_at", "updated_at"))

    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    """`reply` or `note`."""
    body: Mapped[str] = mapped_column(Text)
    body_format: Mapped[str] = mapped_column(String(16))
    attachments: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    """Ids of files that were sent for it."""
    remark: Mapped[str] = mapped_column(Text, server_default="")
    """Why it was not sent, if it was refused after its agent had left."""
    updated_at: Mapped[datetime]


class HeldReply(Base):
    """A reply that was sent and can still be taken back. It goes out at `send_at`, whatever crashes meanwhile."""

    __tablename__ = "held_replies"
    __table_args__ = (
        Index("ix_held_replies_send_at", "send_at"),
        Index("ix_held_replies_ticket_id", "ticket_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    """Derived from agent, ticket and key: the same for every time the same form is sent."""
    ticket_id: Mapped[UUID]
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(255))
    channel: Mapped[str] = mapped_column(String(16))
    body: Mapped[str] = mapped_column(Text)
    body_format: Mapped[str] = mapped_column(String(16))
    attachments: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    following: Mapped[str] = mapped_column(String(16), server_default="")
    """The action that comes after it: `resolve`, `pend`, or none."""
    held_at: Mapped[datetime]
    send_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")


class AgentFile(Base):
    """A file that an agent sent to intake's store and has not attached yet: what the reply's event says of it."""

    __tablename__ = "agent_files"
    __table_args__ = (Index("ix_agent_files_expires_at", "expires_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(String(127))
    size: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime]


class Follower(Base):
    """An agent who wants to hear of a ticket, because they asked to or were mentioned."""

    __tablename__ = "followers"
    __table_args__ = (Index("ix_followers_agent_id", "agent_id"),)

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    since: Mapped[datetime]
    is_mentioned: Mapped[bool]
    """Whether a note named them; false if they or a colleague added them."""
    is_announced: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether the other services know; false for those who followed before that was announced."""


class TicketPresence(Base):
    """Who has a ticket's page open, and whether they are writing. Rows older than a minute mean nothing."""

    __tablename__ = "presence"
    __table_args__ = (Index("ix_presence_seen_at", "seen_at"),)

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    is_typing: Mapped[bool]
    seen_at: Mapped[datetime]


class LinkedTickets(Base):
    """Two tickets that belong together. One row says it for both: it is shown from either side."""

    __tablename__ = "ticket_links"
    __table_args__ = (Index("ix_ticket_links_other_id", "other_id"),)

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    other_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    """`related`; `duplicate`: the first is a duplicate of the other; `child`: the other is the first one's parent."""
    agent_id: Mapped[UUID]
    added_at: Mapped[datetime]


class EntryVersion(Base):
    """A note or reply as it was before it was edited."""

    __tablename__ = "entry_versions"

    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    """Counts from 1, the words as they were first written."""
    ticket_id: Mapped[UUID] = mapped_column(index=True)
    body: Mapped[str] = mapped_column(Text)
    body_format: Mapped[str] = mapped_column(String(16))
    replaced_at: Mapped[datetime]
    replaced_by: Mapped[UUID]
    """The agent who edited it."""


class AgentSettings(Base):
    """How an agent wants to work. What is null or missing is as the installation has it."""

    __tablename__ = "agent_settings"

    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    undo_seconds: Mapped[int | None] = mapped_column(SmallInteger)
    shortcuts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    """Keys of the agent's own, by the name of the command."""
