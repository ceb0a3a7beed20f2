"""Unread entries of an agent in the order they are shown in."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

IS_UNREAD = sa.text("channel = 'inbox' and read_at is null")


def upgrade() -> None:
    """A list of a few unread ones read all that the agent ever got."""
    op.drop_index("ix_deliveries_unread", "deliveries")
    op.create_index("ix_deliveries_unread", "deliveries", ["agent_id", "id"], postgresql_where=IS_UNREAD)


def downgrade() -> None:
    """As it was: for counting only."""
    op.drop_index("ix_deliveries_unread", "deliveries")
    op.create_index("ix_deliveries_unread", "deliveries", ["agent_id"], postgresql_where=IS_UNREAD)
