"""Replies and resolutions with at most one reply, counted with activity."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Everything is counted anew in the background."""
    for name in ("replies", "one_touch"):
        op.add_column("activity_counts", sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0")))
    op.execute("delete from activity_counts")
    op.execute("delete from activity_watermark")


def downgrade() -> None:
    for name in ("one_touch", "replies"):
        op.drop_column("activity_counts", name)
