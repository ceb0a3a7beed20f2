"""Aggregates of verdicts for SLA and time reports."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The running service counts, a month at a time; the migration makes empty tables.

    Activity is counted anew, in quarter hours: some zones are 45 minutes off the full hour.
    """
    op.execute("delete from activity_counts")
    op.execute("delete from activity_watermark")
    op.create_table(
        "clock_counts",
        sa.Column("dimension", sa.String(12), primary_key=True),
        sa.Column("resolution", sa.String(8), primary_key=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("team_id", sa.Uuid, primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("metric", sa.String(16), primary_key=True),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("met", "breached", "cancelled")),
        *(sa.Column(name, sa.Float, nullable=False) for name in ("business_seconds", "wall_seconds")),
        sa.Column("business_buckets", sa.ARRAY(sa.SmallInteger)),
        sa.Column("business_counts", sa.ARRAY(sa.Integer)),
        sa.Column("wall_buckets", sa.ARRAY(sa.SmallInteger)),
        sa.Column("wall_counts", sa.ARRAY(sa.Integer)),
    )
    op.create_table(
        "clock_watermark",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("recorded_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("months_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("built_until", sa.DateTime(timezone=True)),
    )


def downgrade() -> None:
    op.drop_table("clock_watermark")
    op.drop_table("clock_counts")
