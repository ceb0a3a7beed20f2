"""When the clock of a verdict began, and when the verdict was recorded."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Verdicts from before have no beginning: reports take it from the ticket, or from the time that counted."""
    op.add_column("verdicts", sa.Column("started_at", sa.DateTime(timezone=True)))
    op.add_column(
        "verdicts",
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.create_index("ix_verdicts_recorded_at", "verdicts", ["recorded_at"], postgresql_using="brin")


def downgrade() -> None:
    op.drop_index("ix_verdicts_recorded_at", "verdicts")
    op.drop_column("verdicts", "recorded_at")
    op.drop_column("verdicts", "started_at")
