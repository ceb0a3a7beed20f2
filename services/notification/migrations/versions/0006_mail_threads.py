"""The requester's mails that ours answer, so that mail clients show one thread."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tickets", sa.Column("root_mail_id", sa.Text(), nullable=True))
    op.add_column("tickets", sa.Column("last_mail_id", sa.Text(), nullable=True))
    op.add_column("tickets", sa.Column("last_mail_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("tickets", "last_mail_at")
    op.drop_column("tickets", "last_mail_id")
    op.drop_column("tickets", "root_mail_id")
