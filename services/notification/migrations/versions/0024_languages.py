"""The language of a ticket's requester, and an index that finds the one they used last."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns that older rows leave empty: nothing is rewritten."""
    op.add_column("tickets", sa.Column("requester_language", sa.String(35)))
    op.add_column("agents", sa.Column("language", sa.String(35)))
    op.create_index(
        "ix_tickets_requester_language",
        "tickets",
        [sa.text("lower(requester_email)"), "submitted_at"],
        postgresql_where=sa.text("requester_language is not null"),
    )


def downgrade() -> None:
    """Forgets the languages."""
    op.drop_index("ix_tickets_requester_language", "tickets")
    op.drop_column("agents", "language")
    op.drop_column("tickets", "requester_language")
