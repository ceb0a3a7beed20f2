"""The satisfaction survey."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Its settings, and whom it asked when."""
    op.create_table(
        "csat_survey",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("is_on", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("open_days", sa.SmallInteger(), server_default=sa.text("14"), nullable=False),
        sa.Column("days_between", sa.SmallInteger(), server_default=sa.text("7"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_csat_survey"),
    )
    op.create_table(
        "csat_asks",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("resolution", sa.BigInteger(), nullable=False),
        sa.Column("requester_key", sa.String(40), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", "resolution", name="pk_csat_asks"),
    )
    op.create_index("ix_csat_asks_requester_key_asked_at", "csat_asks", ["requester_key", "asked_at"])


def downgrade() -> None:
    """Nobody is asked any more; ratings that were given stay where they are."""
    op.drop_table("csat_asks")
    op.drop_table("csat_survey")
