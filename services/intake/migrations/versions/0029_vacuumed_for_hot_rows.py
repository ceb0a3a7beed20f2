"""Tables that keep the past and change in what is new are vacuumed by what is hot of them, and not by their size."""

from shared.kit.migration_steps import vacuum_as_usual, vacuum_for_hot_rows

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

TABLES = (
    "alerts",
    "attachments",
    "idempotency_responses",
    "inbox",
    "messages",
    "outbox",
    "outbox_published",
    "raw_mails",
    "tickets",
)
"""What only gets new rows is not among them, nor what stays small."""


def upgrade() -> None:
    vacuum_for_hot_rows(TABLES)


def downgrade() -> None:
    vacuum_as_usual(TABLES)
