"""Which tickets go on from which archived ones."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "follow_ups",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("follow_up_id", sa.Uuid(), nullable=False),
        sa.Column("is_opened_by", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", "follow_up_id", name=op.f("pk_follow_ups")),
    )
    op.create_index("ix_follow_ups_follow_up_id", "follow_ups", ["follow_up_id"])


def downgrade() -> None:
    op.drop_table("follow_ups")
