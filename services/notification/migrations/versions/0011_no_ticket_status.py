"""The status of a ticket is not kept here: nobody read it, and events that only reopen a ticket left it behind."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("tickets", "status")


def downgrade() -> None:
    op.add_column("tickets", sa.Column("status", sa.String(16), nullable=True))
