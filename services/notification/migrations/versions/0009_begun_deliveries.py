"""How often a sender began a mail and did not live to record what came of it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing has been begun."""
    op.add_column("deliveries", sa.Column("begun", sa.SmallInteger(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    """The count is forgotten."""
    op.drop_column("deliveries", "begun")
