"""Intake's tables: tickets as they were submitted, with a projection of where they stand now."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import (
    ARRAY,
    JSON,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Sequence,
    String,
    Text,
    func,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel, Priority, Status
from shared.kit.tables import NAMING, add_kit_tables

FIRST_NUMBER = 100_001


def one_of(words: type[StrEnum]) -> Enum:
    """A column of one of the vocabulary's words, stored as plain text."""
    return Enum(words, native_enum=False, length=16, values_callable=lambda kinds: [kind.value for kind in kinds])


class Base(DeclarativeBase):
    """The schema of the database `intake`."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        **{words: one_of(words) for words in (Status, Priority, Channel, BodyFormat, ActorKind)},
    }


TICKET_NUMBERS = Sequence("ticket_numbers", start=FIRST_NUMBER, metadata=Base.metadata)


class Topic(Base):
    """What a request can be about. Never deleted, so tickets may name one without a constraint."""

    __tablename__ = "topics"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text)
    is_active: Mapped[bool] = mapped_column(default=True)
    position: Mapped[int]
    version: Mapped[int] = mapped_column(default=1)


class Ticket(Base):
    """A request for help. The columns from `status` on are a projection: its workflow owns that truth.

    `topic_id` and `api_key_id` carry no foreign keys on purpose: each insert would lock the same hot row.
    """

    __tablename__ = "tickets"
    __table_args__ = (Index("ix_tickets_api_key_id_created_at_id", "api_key_id", "created_at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    requester_email: Mapped[str] = mapped_column(String(254))
    requester_name: Mapped[str] = mapped_column(String(255))
    requester_phone: Mapped[str | None] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(Text)
    topic_id: Mapped[UUID | None]
    channel: Mapped[Channel]
    requested_priority: Mapped[Priority | None]
    fields: Mapped[dict[str, JsonValue]] = mapped_column(JSON)
    cc: Mapped[list[str]] = mapped_column(ARRAY(Text))
    follows: Mapped[UUID | None]
    api_key_id: Mapped[str | None] = mapped_column(String(16))
    created_at: Mapped[datetime]

    status: Mapped[Status]
    priority: Mapped[Priority]
    seq: Mapped[int]
    revision: Mapped[int]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    is_archived: Mapped[bool]
    updated_at: Mapped[datetime]


class Message(Base):
    """A public message: the requester's own, or an agent's as it came over the bus."""

    __tablename__ = "messages"
    __table_args__ = (Index("ix_messages_ticket_id_received_at_id", "ticket_id", "received_at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"))
    author_kind: Mapped[ActorKind]
    author_name: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    body_format: Mapped[BodyFormat]
    channel: Mapped[Channel]
    received_at: Mapped[datetime]
    is_automatic: Mapped[bool]


class StoredApiKey(Base):
    """A client program's key; only the digest of its secret is kept."""

    __tablename__ = "api_keys"

    key_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    name: Mapped[str] = mapped_column(String(120))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String(16)))
    per_minute: Mapped[int]
    cidrs: Mapped[list[str]] = mapped_column(ARRAY(String(64)))
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]


add_kit_tables(Base.metadata)
