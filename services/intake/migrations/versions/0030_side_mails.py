"""Whose the mails beside tickets are, so that a third party can be erased."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "side_mails",
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("requester_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_erased", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_side_mails")),
    )
    op.create_index(op.f("ix_side_mails_ticket_id"), "side_mails", ["ticket_id"])
    op.create_index(op.f("ix_side_mails_requester_id"), "side_mails", ["requester_id"])


def downgrade() -> None:
    op.drop_table("side_mails")
