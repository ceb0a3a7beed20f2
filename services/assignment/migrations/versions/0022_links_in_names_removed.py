"""Our personal links are taken out of the names of people in copy, and of events that wait to be published."""

from shared.kit.redaction_migration import redact_rows, redact_waiting_events

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Only rows that hold a link are written."""
    redact_rows("participants", ["ticket_id", "email"], ["name", "added_by"])
    redact_waiting_events()


def downgrade() -> None:
    """Nothing to undo: what was taken out is not kept."""
