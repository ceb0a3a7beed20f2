"""Our personal links are taken out of what people wrote before doors did that."""

from shared.kit.redaction_migration import redact_rows

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What mails that wait or were sent say of a message."""
    redact_rows("tickets", ["id"], ["subject", "requester_name"])
    redact_rows("deliveries", ["id"], [], ["facts"])
    redact_rows("answers", ["scope", "key"], [], raw=["body"])


def downgrade() -> None:
    """Nothing to undo: what was taken out is not kept."""
