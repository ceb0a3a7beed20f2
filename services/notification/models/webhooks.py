"""Tables of webhooks: the endpoints, and one row per event and endpoint."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.kit.tables import NAMING

WEBHOOKS = MetaData(naming_convention=NAMING)

webhooks = Table(
    "webhooks",
    WEBHOOKS,
    Column("id", Uuid, primary_key=True),
    Column("name", String(120), nullable=False),
    Column("url", Text, nullable=False),
    Column("types", ARRAY(String(100)), nullable=False),
    Column("state", String(16), nullable=False),
    Column("state_reason", Text),
    Column("secret", LargeBinary, nullable=False),
    Column("previous_secret", LargeBinary),
    Column("previous_until", DateTime(timezone=True)),
    Column("older_secrets", JSONB, nullable=False, server_default=text("'[]'")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("open_until", DateTime(timezone=True)),
    Column("last_success_at", DateTime(timezone=True)),
    Column("last_failure_at", DateTime(timezone=True)),
)
"""`failures` in a row open the circuit: nothing is sent before `open_until`. Secrets are encrypted.

`older_secrets` came before the previous one, and sign until their time as well: `secret` in hexadecimal, `until`.
"""

webhook_deliveries = Table(
    "webhook_deliveries",
    WEBHOOKS,
    Column("id", Uuid, primary_key=True),
    Column("webhook_id", Uuid, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event_id", String(200), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("type", String(100), nullable=False),
    Column("entity_id", Uuid, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_attempt_at", DateTime(timezone=True)),
    Column("answer_status", Integer),
    Column("answer", Text),
    Column("last_error", Text),
    Column("duration_ms", Integer),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("delivered_at", DateTime(timezone=True)),
    Index("ux_webhook_deliveries_webhook_id_event_id", "webhook_id", "event_id", unique=True),
    Index("ix_webhook_deliveries_webhook_id_position", "webhook_id", "position"),
    Index("ix_webhook_deliveries_position", "position"),
    Index(
        "ix_webhook_deliveries_due",
        "webhook_id",
        "next_attempt_at",
        "position",
        postgresql_where=text("status in ('queued', 'sending')"),
    ),
    Index(
        "ix_webhook_deliveries_order",
        "webhook_id",
        "entity_id",
        "position",
        postgresql_where=text("status in ('queued', 'sending')"),
    ),
    Index(
        "ix_webhook_deliveries_not_delivered",
        "webhook_id",
        "status",
        "position",
        postgresql_where=text("status <> 'delivered'"),
    ),
)
"""`entity_id` is what the event is about: of one entity's events, only the first that is not settled is sent."""

IS_UNSETTLED = literal_column("webhook_deliveries.status in ('queued', 'sending')", Boolean)
IS_NOT_DELIVERED = literal_column("webhook_deliveries.status <> 'delivered'", Boolean)
"""In the words of the indexes, which a parameter would hide."""


def add_webhook_tables(metadata: MetaData) -> None:
    """Makes these tables part of the service's schema."""
    for table in WEBHOOKS.tables.values():
        table.to_metadata(metadata)
