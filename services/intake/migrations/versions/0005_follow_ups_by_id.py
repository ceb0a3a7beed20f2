"""What became of a message on an archived ticket is told by the follow-up's id, no longer by equal instants."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MESSAGES = """
update messages set follow_up_id = tickets.id from tickets
where tickets.follows = messages.ticket_id and tickets.created_at = messages.received_at
  and messages.author_kind = 'requester'
"""
HAPPENINGS = """
update happenings set follow_up_id = messages.follow_up_id from messages
where happenings.kind = 'followed_up' and messages.id = happenings.message_id
"""


def upgrade() -> None:
    op.add_column("messages", sa.Column("follow_up_id", sa.Uuid(), nullable=True))
    op.add_column("happenings", sa.Column("follow_up_id", sa.Uuid(), nullable=True))
    op.execute(MESSAGES)
    op.execute(HAPPENINGS)


def downgrade() -> None:
    op.drop_column("happenings", "follow_up_id")
    op.drop_column("messages", "follow_up_id")
