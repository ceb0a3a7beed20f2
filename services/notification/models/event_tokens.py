"""The table of event tokens."""

from sqlalchemy import Column, DateTime, LargeBinary, MetaData, String, Table, Uuid, func
from sqlalchemy.dialects.postgresql import ARRAY

from shared.kit.tables import NAMING

TOKENS = MetaData(naming_convention=NAMING)

event_tokens = Table(
    "event_tokens",
    TOKENS,
    Column("id", Uuid, primary_key=True),
    Column("name", String(120), nullable=False),
    Column("key_id", String(16), nullable=False, unique=True),
    Column("digest", LargeBinary, nullable=False),
    Column("scopes", ARRAY(String(32)), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("last_used_at", DateTime(timezone=True)),
)
"""Only the digest of a token is kept."""


def add_token_table(metadata: MetaData) -> None:
    """Makes the table part of the service's schema."""
    event_tokens.to_metadata(metadata)
