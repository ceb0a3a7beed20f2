"""Tables of the change feed: its events, its end, the order of each ticket's steps, and steps that came early."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
    func,
    text,
)

from shared.kit.tables import NAMING

FEED = MetaData(naming_convention=NAMING)

feed_events = Table(
    "feed_events",
    FEED,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", String(200), nullable=False),
    Column("type", String(100), nullable=False),
    Column("entity_id", Uuid, nullable=False),
    Column("ticket_id", Uuid),
    Column("envelope", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ux_feed_events_event_id", "event_id", unique=True),
    Index("ix_feed_events_recorded_at", "recorded_at"),
    Index("ix_feed_events_type_position", "type", "position"),
    Index("ix_feed_events_ticket_id_position", "ticket_id", "position", postgresql_where=text("ticket_id is not null")),
)
"""`position` has no gaps and rises in the order of commits; `envelope` is the JSON that NATS carried."""

feed_end = Table(
    "feed_end",
    FEED,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("began_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""One row, the position of the newest event: locked by whoever appends, to the end of the transaction."""

feed_tickets = Table(
    "feed_tickets",
    FEED,
    Column("ticket_id", Uuid, primary_key=True),
    Column("seq", BigInteger, nullable=False, server_default=text("0")),
    Column("erased_at", DateTime(timezone=True)),
)
"""`seq` of the last step of a ticket's life in the feed; what comes after an erasure is stored without its data."""

feed_early = Table(
    "feed_early",
    FEED,
    Column("event_id", String(200), primary_key=True),
    Column("ticket_id", Uuid, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("envelope", Text, nullable=False),
    Column("release_at", DateTime(timezone=True), nullable=False),
    Index("ix_feed_early_ticket_id_seq", "ticket_id", "seq"),
    Index("ix_feed_early_release_at", "release_at"),
)
"""Steps that arrived before the step they follow."""


def add_feed_tables(metadata: MetaData) -> None:
    """Makes the feed's tables part of the service's schema."""
    for table in FEED.tables.values():
        table.to_metadata(metadata)
