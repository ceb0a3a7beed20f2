"""Tickets whose client program asked that agents are not told of them.

Tickets from before were never quiet; that they were triaged needs not be known any more.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tickets", sa.Column("alert", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    op.add_column("tickets", sa.Column("triaged_seq", sa.BigInteger()))


def downgrade() -> None:
    for column in ("triaged_seq", "alert"):
        op.drop_column("tickets", column)
