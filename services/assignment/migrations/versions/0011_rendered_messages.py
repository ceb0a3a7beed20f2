"""Messages and notes keep their body as safe HTML."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is rendered yet: that happens when an entry is next shown."""
    for table in ("messages", "notes"):
        op.add_column(table, sa.Column("rendered", sa.Text(), nullable=True))
        op.add_column(table, sa.Column("renderer", sa.SmallInteger(), nullable=True))


def downgrade() -> None:
    """What is dropped can be made again from the bodies."""
    for table in ("messages", "notes"):
        op.drop_column(table, "renderer")
        op.drop_column(table, "rendered")
