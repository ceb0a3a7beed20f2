"""Which edit of a ticket, a reply or the people in copy is the newest: one that comes late must not undo it."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

EDITED = ("subject_edited_at", "topic_edited_at", "fields_edited_at", "requester_edited_at")


def upgrade() -> None:
    for name in EDITED:
        op.add_column("tickets", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("version", sa.Integer(), nullable=True))
    op.create_table(
        "participant_decisions",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", "email", name=op.f("pk_participant_decisions")),
    )
    op.create_index(op.f("ix_participant_decisions_email"), "participant_decisions", ["email"])


def downgrade() -> None:
    op.drop_table("participant_decisions")
    op.drop_column("messages", "version")
    for name in EDITED:
        op.drop_column("tickets", name)
