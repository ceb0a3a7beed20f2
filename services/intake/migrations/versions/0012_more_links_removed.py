"""Our personal links are taken out of old rows again: more kinds and wrappings of them are recognised now."""

from shared.kit.redaction_migration import redact_rows

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A program's own `access_url` stays: its repeated request must get the first answer."""
    redact_rows("tickets", ["id"], ["subject", "requester_name"], ["fields"])
    redact_rows("messages", ["id"], ["body", "quoted", "author_name"])
    redact_rows("attachments", ["id"], ["name"])
    redact_rows("answers", ["scope", "key"], [], raw=["body"], but="%:submit")


def downgrade() -> None:
    """Nothing to undo: what was taken out is not kept."""
