"""Counts of durations as bytes, beside the lists: a year of reports adds up thousands of them."""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Verdicts are counted anew in the background. The lists stay for releases that know no bytes."""
    for name in ("business_histogram", "wall_histogram"):
        op.add_column("clock_counts", sa.Column(name, sa.LargeBinary, nullable=True))
    op.execute("delete from clock_counts")
    op.execute("delete from clock_watermark")


def downgrade() -> None:
    for name in ("wall_histogram", "business_histogram"):
        op.drop_column("clock_counts", name)
