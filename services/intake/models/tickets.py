"""Tickets as they were submitted, with a projection of where they stand now, and what was written and done on them."""

from datetime import datetime
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Sequence,
    SmallInteger,
    String,
    Text,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from services.intake.models.base import Base
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel, Priority, Status

FIRST_NUMBER = 100_001
NOT_CLOSED = "status <> 'closed'"
BY_KEY = "api_key_id is not null"
TICKET_NUMBERS = Sequence("ticket_numbers", start=FIRST_NUMBER, metadata=Base.metadata)


class Ticket(Base):
    """A request for help. The columns from `status` on are a projection: its workflow owns that truth.

    `topic_id` and `api_key_id` carry no foreign keys on purpose: each insert would lock the same hot row.
    """

    __tablename__ = "tickets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    requester_email: Mapped[str] = mapped_column(String(254))
    requester_name: Mapped[str] = mapped_column(String(255))
    requester_phone: Mapped[str | None] = mapped_column(String(40))
    requester_language: Mapped[str | None] = mapped_column(String(35))
    """Of pages and mails for the requester, where they said or showed which they read."""
    subject: Mapped[str] = mapped_column(Text)
    topic_id: Mapped[UUID | None]
    channel: Mapped[Channel]
    requested_priority: Mapped[Priority | None]
    fields: Mapped[dict[str, JsonValue]] = mapped_column(JSON)
    cc: Mapped[list[str]] = mapped_column(ARRAY(Text))
    follows: Mapped[UUID | None]
    api_key_id: Mapped[str | None] = mapped_column(String(16))
    created_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
    """Since when all that people wrote on it is gone; nothing is added any more."""
    subject_edited_at: Mapped[datetime | None]
    """When the agent corrected it whose words stand here; an older correction that comes late changes nothing."""
    topic_edited_at: Mapped[datetime | None]
    fields_edited_at: Mapped[datetime | None]
    requester_edited_at: Mapped[datetime | None]

    status: Mapped[Status]
    priority: Mapped[Priority]
    seq: Mapped[int]
    revision: Mapped[int]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    is_archived: Mapped[bool]
    merged_into: Mapped[UUID | None]
    """The ticket that it is part of."""
    updated_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_tickets_api_key_id_created_at_id", "api_key_id", "created_at", "id"),
        Index("ix_tickets_requester", func.lower(requester_email), "created_at"),
        Index(
            "ix_tickets_requester_language",
            func.lower(requester_email),
            "created_at",
            postgresql_where=text("requester_language is not null"),
        ),
        Index(
            "ix_tickets_domain",
            text("reverse(split_part(lower(requester_email), '@', 2)) text_pattern_ops"),
            "created_at",
            "id",
        ),
        Index("ix_tickets_follows", "follows", postgresql_where=text("follows is not null")),
        Index(
            "ix_tickets_requester_not_closed",
            func.lower(requester_email),
            "created_at",
            postgresql_where=text(NOT_CLOSED),
        ),
        Index("ix_tickets_api_key_not_closed", "api_key_id", "created_at", "id", postgresql_where=text(NOT_CLOSED)),
        Index("ix_tickets_api_key_updated_at", "api_key_id", "updated_at", postgresql_where=text(BY_KEY)),
        Index(
            "ix_tickets_api_key_topic_id", "api_key_id", "topic_id", "created_at", "id", postgresql_where=text(BY_KEY)
        ),
        Index("ix_tickets_api_key_channel", "api_key_id", "channel", "created_at", "id", postgresql_where=text(BY_KEY)),
        Index(
            "ix_tickets_cc",
            text("addresses_in_copy(cc)"),
            postgresql_using="gin",
            postgresql_where=text("cc <> '{}'"),
        ),
        Index("ix_tickets_kept", "updated_at", postgresql_where=text("is_archived and erased_at is null")),
    )


class Message(Base):
    """A public message: the requester's own, or an agent's as it came over the bus."""

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_ticket_id_received_at_id", "ticket_id", "received_at", "id"),
        Index(
            "ix_messages_author_email",
            text("lower(author_email)"),
            postgresql_where=text("author_email is not null"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"))
    author_kind: Mapped[ActorKind]
    author_name: Mapped[str] = mapped_column(Text)
    author_email: Mapped[str | None] = mapped_column(String(254))
    """Of a participant who is not the requester."""
    body: Mapped[str] = mapped_column(Text)
    body_format: Mapped[BodyFormat]
    quoted: Mapped[str] = mapped_column(Text, server_default="")
    """What a mail quoted or signed: kept, shown on demand, plain text."""
    mail_id: Mapped[str | None] = mapped_column(Text)
    """The Message-ID of the mail it came by; null for a ticket's first message, of which the ticket's event tells."""
    channel: Mapped[Channel]
    received_at: Mapped[datetime]
    is_automatic: Mapped[bool]
    version: Mapped[int | None]
    """Of an agent's words, which counts their corrections; null as long as none is known."""
    follow_up_id: Mapped[UUID | None]
    """The ticket it opened, because its own was archived."""
    rendered: Mapped[str | None] = mapped_column(Text)
    """The body as safe HTML, made when it was first shown."""
    renderer: Mapped[int | None] = mapped_column(SmallInteger)
    """The version of the rendering that made it."""


class TimelineEntry(Base):
    """Something a requester may learn of, in the order it became visible: the timeline, and what live pages wait for.

    A writer holds the ticket's row, so that within a ticket ids rise in the order of commits.
    """

    __tablename__ = "timeline_entries"
    __table_args__ = (
        Index("ix_timeline_entries_ticket_id_id", "ticket_id", "id"),
        Index("ix_timeline_entries_ticket_id_source", "ticket_id", "source", unique=True),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"))
    kind: Mapped[str] = mapped_column(String(32))
    """`message`, or a lifecycle event's name without its prefix: `pended`, `resolved` …"""
    at: Mapped[datetime]
    actor: Mapped[ActorKind]
    message_id: Mapped[UUID | None]
    follow_up_id: Mapped[UUID | None]
    """Where it goes on, for `followed_up`."""
    status: Mapped[Status]
    """After it."""
    revision: Mapped[int]
    source: Mapped[str | None] = mapped_column(String(200))
    """The id of the event it tells of, or of the message: what comes again is not written again."""
