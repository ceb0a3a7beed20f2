"""Mail as it arrived, and which Message-ID belongs to which ticket."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Index, String, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models.base import Base, one_of


class RawMailState(StrEnum):
    """What became of a mail."""

    RECEIVED = "received"
    DONE = "done"
    IGNORED = "ignored"
    """Read, and rightly without effect: a loop, a duplicate, a banned sender."""
    FAILED = "failed"
    """Given up for now; an operator can have it processed again."""


class RawMail(Base):
    """One mail, durable before it was acknowledged. The bytes are in the object store under `digest`."""

    __tablename__ = "raw_mails"
    __table_args__ = (
        Index("ix_raw_mails_waiting", "sender", "received_at", "id", postgresql_where=text("state = 'received'")),
        Index("ix_raw_mails_sender_settled_at", "sender", "settled_at"),
        Index("ix_raw_mails_lanes", "mailbox", "received_at", "id", postgresql_where=text("state = 'received'")),
        Index("ix_raw_mails_mailbox_settled_at", "mailbox", "settled_at", postgresql_where=text("mailbox <> ''")),
        Index("ix_raw_mails_state_received_at", "state", "received_at", "id"),
        Index("ix_raw_mails_kept", "received_at", postgresql_where=text("state <> 'received'")),
        Index("ix_raw_mails_digest", "digest"),
        Index("ix_raw_mails_message_id", "message_id", postgresql_where=text("message_id is not null")),
        Index("ix_raw_mails_from", text("lower(sender)")),
        Index("ix_raw_mails_sender_state", "sender", "state", "received_at", "id"),
        Index("ix_raw_mails_author", "author", "state", "received_at", "id", postgresql_where=text("author <> ''")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    identity: Mapped[str] = mapped_column(String(64), unique=True)
    """The same for the same mail delivered again: a digest of its Message-ID and sender, or of all of it."""
    digest: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str] = mapped_column(String(255))
    """`smtp`, `api`, or the mailbox it was fetched from."""
    sender: Mapped[str] = mapped_column(Text)
    """Of the envelope; empty for bounces."""
    mailbox: Mapped[str] = mapped_column(Text, server_default="", default="")
    """Whose it is in the queue and in counts: the sender's mailbox, whatever tag it was written with."""
    origin: Mapped[str] = mapped_column(String(255), server_default="", default="")
    """The network of the client that delivered it, or the mailbox it was fetched from."""
    recipients: Mapped[list[str]] = mapped_column(ARRAY(Text))
    received_at: Mapped[datetime]
    state: Mapped[RawMailState] = mapped_column(one_of(RawMailState))
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(Text, default="")
    """What became of it, in words."""
    ticket_id: Mapped[UUID | None] = mapped_column(index=True)
    message_id: Mapped[UUID | None]
    """Of the message it became."""
    subject: Mapped[str] = mapped_column(Text, server_default="", default="")
    """Of one that was ignored, so that it can be found; as `author`."""
    author: Mapped[str] = mapped_column(String(254), server_default="", default="")
    """The address in its `From`."""
    is_forced: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """Somebody wants it as a ticket although it was ignored."""
    is_internal: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """Written by staff for staff: no part of a requester's data."""


class MailId(Base):
    """A Message-ID seen on a ticket's mail: answers to it belong to the ticket."""

    __tablename__ = "mail_ids"

    mail_id: Mapped[str] = mapped_column(Text, primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(index=True)
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class MailAncestor(Base):
    """A Message-ID that a ticket's mail named: other mails of the same thread name it too."""

    __tablename__ = "mail_ancestors"

    mail_id: Mapped[str] = mapped_column(Text, primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(primary_key=True, index=True)
