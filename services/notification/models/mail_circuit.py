"""The table of the mail server's circuit: one row that all processes share."""

from sqlalchemy import Column, DateTime, Integer, MetaData, SmallInteger, Table, Text, text

from shared.kit.tables import NAMING

CIRCUITS = MetaData(naming_convention=NAMING)

mail_circuit = Table(
    "mail_circuit",
    CIRCUITS,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("since", DateTime(timezone=True)),
    Column("open_until", DateTime(timezone=True)),
    Column("reason", Text),
)
"""`failures` in a row, the first of them at `since`; while `open_until` is set only single trials are made."""


def add_circuit_table(metadata: MetaData) -> None:
    """Makes the table part of the service's schema."""
    mail_circuit.to_metadata(metadata)
