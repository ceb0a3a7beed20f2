"""Tables of the satisfaction survey: its settings, and whom it asked when."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Uuid,
    text,
)

from shared.kit.tables import NAMING

ASKED = "csat"
"""The fact of a mail that asks for a rating: which resolution it asks about."""
CSAT = MetaData(naming_convention=NAMING)

csat_survey = Table(
    "csat_survey",
    CSAT,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("is_on", Boolean, nullable=False, server_default=text("false")),
    Column("open_days", SmallInteger, nullable=False, server_default=text("14")),
    Column("days_between", SmallInteger, nullable=False, server_default=text("7")),
    Column("version", Integer, nullable=False, server_default=text("0")),
)
"""One row, or none: then the defaults count."""

csat_asks = Table(
    "csat_asks",
    CSAT,
    Column("ticket_id", Uuid, nullable=False),
    Column("resolution", BigInteger, nullable=False),
    Column("requester_key", String(40), nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("ticket_id", "resolution"),
    Index("ix_csat_asks_requester_key_asked_at", "requester_key", "asked_at"),
)
"""`requester_key` is a digest of the address."""


def add_csat_tables(metadata: MetaData) -> None:
    """Makes the tables part of the service's schema."""
    for table in CSAT.tables.values():
        table.to_metadata(metadata)
