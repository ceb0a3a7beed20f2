"""The table that knows since when outgoing mails bear a token in their envelope sender."""

from sqlalchemy import Column, DateTime, MetaData, SmallInteger, Table

from shared.kit.tables import NAMING

RETURN_TOKENS = MetaData(naming_convention=NAMING)

return_tokens = Table(
    "return_tokens",
    RETURN_TOKENS,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("since", DateTime(timezone=True), nullable=False),
)
"""One row while tokens are on; none while they are off."""


def add_return_token_table(metadata: MetaData) -> None:
    """Makes the table part of the service's schema."""
    return_tokens.to_metadata(metadata)
