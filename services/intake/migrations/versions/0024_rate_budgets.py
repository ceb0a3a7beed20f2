"""Budgets of callers, counted by all processes together."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rate_budgets",
        sa.Column("caller", sa.LargeBinary(), nullable=False),
        sa.Column("whole_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("caller", name=op.f("pk_rate_budgets")),
        prefixes=["UNLOGGED"],
    )
    op.create_index("ix_rate_budgets_whole_at", "rate_budgets", ["whole_at"])


def downgrade() -> None:
    op.drop_table("rate_budgets")
