"""Which of their addresses a requester last wrote from: they are answered there."""

from alembic import op
from sqlalchemy import Column, DateTime, String

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Unknown for tickets that are there: their requesters are answered at the address of the ticket."""
    op.add_column("tickets", Column("reply_email", String(320)))
    op.add_column("tickets", Column("reply_email_at", DateTime(timezone=True)))


def downgrade() -> None:
    """Answers go to the address of the ticket."""
    op.drop_column("tickets", "reply_email_at")
    op.drop_column("tickets", "reply_email")
