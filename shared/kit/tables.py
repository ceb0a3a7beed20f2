"""The tables of every service: outbox, inbox, idempotency responses."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    func,
    text,
)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

KIT = MetaData(naming_convention=NAMING)

outbox = Table(
    "outbox",
    KIT,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("event_id", String(200), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("refusals", Integer, nullable=False, server_default="0"),
    Column("last_refusal", Text),
    Column("parked_at", DateTime(timezone=True)),
    Index("ix_outbox_waiting", "refusals", "id", postgresql_where=text("parked_at is null")),
    Index("ix_outbox_parked", "id", postgresql_where=text("parked_at is not null")),
)
"""`refusals`: how often the bus refused the event itself; `parked_at`: since when it is not tried any more."""

outbox_published = Table(
    "outbox_published",
    KIT,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", String(200), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_outbox_published_sequence", "sequence"),
)
"""Outbox rows of the last minutes with their place in the stream, in case the stream loses them."""

inbox = Table(
    "inbox",
    KIT,
    Column("consumer", String(64), primary_key=True),
    Column("event_id", String(200), primary_key=True),
    Column("handled_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_inbox_handled_at", "handled_at"),
)

idempotency_responses = Table(
    "idempotency_responses",
    KIT,
    Column("scope", String(200), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("etag", String(64)),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_idempotency_responses_created_at", "created_at"),
)


def add_kit_tables(metadata: MetaData) -> None:
    """Makes the kit's tables part of a service's own schema, and so of its migrations."""
    for table in KIT.tables.values():
        table.to_metadata(metadata)
