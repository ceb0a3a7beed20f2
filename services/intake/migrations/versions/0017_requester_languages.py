"""The language of a ticket's requester, and an index that finds the one they used last."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column that older tickets leave empty: nothing is rewritten."""
    op.add_column("tickets", sa.Column("requester_language", sa.String(35)))
    op.create_index(
        "ix_tickets_requester_language",
        "tickets",
        [sa.text("lower(requester_email)"), "created_at"],
        postgresql_where=sa.text("requester_language is not null"),
    )


def downgrade() -> None:
    """Forgets the languages."""
    op.drop_index("ix_tickets_requester_language", "tickets")
    op.drop_column("tickets", "requester_language")
