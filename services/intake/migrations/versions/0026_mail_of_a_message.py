"""A message keeps the Message-ID of the mail that it came by: what is split off or goes on elsewhere answers that mail.

Messages of before have none; what becomes of them is found by our own signed ids alone, as until now.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column that nothing has to be written into."""
    op.add_column("messages", sa.Column("mail_id", sa.Text(), nullable=True))


def downgrade() -> None:
    """Mails are answered by our ids again."""
    op.drop_column("messages", "mail_id")
