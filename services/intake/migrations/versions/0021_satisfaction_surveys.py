"""Satisfaction surveys."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One row per question."""
    op.create_table(
        "satisfaction_surveys",
        sa.Column("ticket_id", sa.Uuid(), sa.ForeignKey("tickets.id"), primary_key=True),
        sa.Column("resolution", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("team_id", sa.Uuid()),
        sa.Column("agent_id", sa.Uuid()),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("score", sa.SmallInteger()),
        sa.Column("comment", sa.Text()),
        sa.Column("rated_at", sa.DateTime(timezone=True)),
        sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )


def downgrade() -> None:
    """The desk keeps the ratings that it was told of."""
    op.drop_table("satisfaction_surveys")
