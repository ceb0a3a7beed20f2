"""Mails wait, and are counted, by the mailbox that sent them and the client that delivered them.

The indexes are left as they are if they exist: an operator with very many mails can build the second beforehand with
`create index concurrently`, after adding the column. Those by sender stay for processes of the release before.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

WAITING = "state = 'received'"
NAMED = "mailbox <> ''"


def upgrade() -> None:
    """Mails that wait are in the lane of their sender as it is written: there are few of them."""
    op.add_column("raw_mails", sa.Column("mailbox", sa.Text(), nullable=False, server_default=""))
    op.add_column("raw_mails", sa.Column("origin", sa.String(255), nullable=False, server_default=""))
    op.execute("update raw_mails set mailbox = sender, origin = source where state = 'received'")
    op.create_index(
        "ix_raw_mails_lanes",
        "raw_mails",
        ["mailbox", "received_at", "id"],
        postgresql_where=text(WAITING),
        if_not_exists=True,
    )
    op.create_index(
        "ix_raw_mails_mailbox_settled_at",
        "raw_mails",
        ["mailbox", "settled_at"],
        postgresql_where=text(NAMED),
        if_not_exists=True,
    )


def downgrade() -> None:
    """Senders are counted as they are written again."""
    op.drop_index("ix_raw_mails_mailbox_settled_at", "raw_mails")
    op.drop_index("ix_raw_mails_lanes", "raw_mails")
    op.drop_column("raw_mails", "origin")
    op.drop_column("raw_mails", "mailbox")
