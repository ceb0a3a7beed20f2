"""Deliveries that were not sent are listed by an index.

It is left as it is if it exists: an operator with very many deliveries can build it beforehand with
`create index concurrently`.
"""

from alembic import op
from sqlalchemy import text

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_deliveries_not_sent",
        "deliveries",
        ["status", "id"],
        postgresql_where=text("status <> 'sent'"),
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_not_sent", "deliveries")
