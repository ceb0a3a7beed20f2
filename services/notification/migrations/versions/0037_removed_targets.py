"""Removed targets are kept until their open alerts are ended, and what an on-call service was told is found by service.

The index is left as it is if it exists: an operator with very many deliveries can build it beforehand with
`create index concurrently`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notification_targets", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_deliveries_on_call",
        "deliveries",
        ["recipient", "ticket_id", "id"],
        postgresql_where=text("channel = 'on_call'"),
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_on_call", "deliveries")
    op.drop_column("notification_targets", "removed_at")
