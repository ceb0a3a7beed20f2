"""Tables that keep the past and change in what is new are vacuumed by what is hot of them, and not by their size."""

from shared.kit.migration_steps import vacuum_as_usual, vacuum_for_hot_rows

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None

TABLES = (
    "activity_counts",
    "backlog_counts",
    "bulk_tickets",
    "clock_counts",
    "idempotency_responses",
    "inbox",
    "messages",
    "notes",
    "outbox",
    "outbox_published",
    "rollout_tickets",
    "routing_decisions",
    "ticket_assignments",
    "tickets",
)
"""What only gets new rows is not among them, nor what stays small."""


def upgrade() -> None:
    vacuum_for_hot_rows(TABLES)


def downgrade() -> None:
    vacuum_as_usual(TABLES)
