"""Messages to chat rooms and on-call services that are due are found without reading the mails that are.

It is left as it is if it exists: an operator with very many deliveries can build it beforehand with
`create index concurrently`.
"""

from alembic import op
from sqlalchemy import text

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_deliveries_due_to_targets",
        "deliveries",
        ["next_attempt_at"],
        postgresql_where=text("status in ('queued', 'sending') and channel in ('chat', 'on_call')"),
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_due_to_targets", "deliveries")
