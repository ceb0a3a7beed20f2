"""Our personal links are taken out of old rows again: more kinds and wrappings of them are recognised now."""

from shared.kit.redaction_migration import redact_rows

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tickets, conversation, notes and stored answers."""
    redact_rows("tickets", ["id"], ["subject", "requester_name"], ["fields"])
    redact_rows("ticket_words", ["ticket_id"], ["words"])
    redact_rows("messages", ["id"], ["body", "quoted", "author_name"], ["attachments"])
    redact_rows("notes", ["id"], ["body"], ["attachments"])
    redact_rows("answers", ["scope", "key"], [], raw=["body"])


def downgrade() -> None:
    """Nothing to undo: what was taken out is not kept."""
