"""Which mails people want to get."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One row per address whose owner chose."""
    op.create_table(
        "mail_preferences",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("wanted", sa.String(16), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """Notification keeps the choices that it was told of."""
    op.drop_table("mail_preferences")
