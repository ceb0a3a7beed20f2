"""Our personal links are taken out of what people wrote before doors did that."""

from alembic import op

from shared.kit.redaction_migration import redact_rows

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Answers to forms hold the link that was shown; a repeated form gets thanks without a ticket instead.

    A program's own `access_url` stays: its repeated request must get the first answer.
    """
    redact_rows("tickets", ["id"], ["subject", "requester_name"], ["fields"])
    redact_rows("messages", ["id"], ["body", "quoted", "author_name"])
    redact_rows("attachments", ["id"], ["name"])
    op.execute("update answers set body = '' where scope = 'portal:submit'")
    redact_rows("answers", ["scope", "key"], [], raw=["body"], but="%:submit")


def downgrade() -> None:
    """Nothing to undo: what was taken out is not kept."""
