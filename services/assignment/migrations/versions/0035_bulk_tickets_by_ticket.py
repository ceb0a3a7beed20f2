"""Actions on many tickets are found by one of their tickets, when somebody is erased."""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The index."""
    op.create_index("ix_bulk_tickets_ticket_id", "bulk_tickets", ["ticket_id"])


def downgrade() -> None:
    """Without it."""
    op.drop_index("ix_bulk_tickets_ticket_id", "bulk_tickets")
