"""Counts of time in statuses and with teams and agents, and of each day's backlog; verdicts by week and quarter."""

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

AGES = ("under_1_day", "under_3_days", "under_7_days", "under_30_days", "older")


def upgrade() -> None:
    """Empty tables: the running service counts activity, verdicts and days in the background."""
    op.create_table(
        "held_counts",
        sa.Column("dimension", sa.String(12), primary_key=True),
        sa.Column("resolution", sa.String(8), primary_key=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("team_id", sa.Uuid, primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("stretches", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_table(
        "backlog_counts",
        sa.Column("dimension", sa.String(12), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("team_id", sa.Uuid, primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("open", "overdue", *AGES)),
        sa.Column("oldest_opened_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "backlog_watermark",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("recorded_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("days_until", sa.DateTime(timezone=True), nullable=False),
    )
    op.execute("delete from activity_counts")
    op.execute("delete from activity_watermark")
    op.execute("delete from clock_counts")
    op.execute("delete from clock_watermark")
    op.alter_column("clock_watermark", "months_until", nullable=True)


def downgrade() -> None:
    """An older service counts verdicts anew."""
    for name in ("backlog_watermark", "backlog_counts", "held_counts"):
        op.drop_table(name)
    op.execute("delete from clock_counts")
    op.execute("delete from clock_watermark")
    op.alter_column("clock_watermark", "months_until", nullable=False)
