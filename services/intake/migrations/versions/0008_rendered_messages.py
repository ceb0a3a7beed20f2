"""Messages keep their body as safe HTML."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is rendered yet: that happens when a message is next shown."""
    op.add_column("messages", sa.Column("rendered", sa.Text(), nullable=True))
    op.add_column("messages", sa.Column("renderer", sa.SmallInteger(), nullable=True))


def downgrade() -> None:
    """What is dropped can be made again from the bodies."""
    op.drop_column("messages", "renderer")
    op.drop_column("messages", "rendered")
