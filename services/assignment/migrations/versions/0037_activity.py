"""Aggregates for activity reports."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

COUNTED = ("opened", "assigned", "transferred", "overdue", "withdrawn", "resolved", "closed", "reopened")


def upgrade() -> None:
    """The log is counted by the running service, a day at a time; the migration makes empty tables."""
    op.create_table(
        "activity_counts",
        sa.Column("dimension", sa.String(12), primary_key=True),
        sa.Column("resolution", sa.String(8), primary_key=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("team_id", sa.Uuid, primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        *(sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0")) for name in COUNTED),
    )
    op.create_table(
        "activity_watermark",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("recorded_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
    )
    op.create_index("ix_events_recorded_at", "events", ["recorded_at", "at"], postgresql_using="brin")


def downgrade() -> None:
    op.drop_index("ix_events_recorded_at", "events")
    op.drop_table("activity_watermark")
    op.drop_table("activity_counts")
