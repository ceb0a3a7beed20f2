"""Satisfaction ratings."""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "satisfaction_ratings",
        sa.Column("ticket_id", sa.Uuid(), primary_key=True),
        sa.Column("resolution", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("team_id", sa.Uuid()),
        sa.Column("agent_id", sa.Uuid()),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("score", sa.SmallInteger()),
        sa.Column("comment", sa.Text()),
        sa.Column("rated_at", sa.DateTime(timezone=True)),
        sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.create_index("ix_satisfaction_ratings_asked_at", "satisfaction_ratings", ["asked_at"])


def downgrade() -> None:
    op.drop_table("satisfaction_ratings")
