"""What is asked of tickets, mails, messages and files is found by an index; where tidying stopped is remembered.

Each index is left as it is if it exists: an operator with very many tickets can build them beforehand with
`create index concurrently`, and this migration then takes no time.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NOT_CLOSED = "status <> 'closed'"
BY_KEY = "api_key_id is not null"
INDEXES = (
    ("ix_tickets_requester_not_closed", "tickets", ["lower(requester_email)", "created_at"], NOT_CLOSED),
    ("ix_tickets_api_key_not_closed", "tickets", ["api_key_id", "created_at", "id"], NOT_CLOSED),
    ("ix_tickets_api_key_updated_at", "tickets", ["api_key_id", "updated_at"], BY_KEY),
    ("ix_tickets_api_key_topic_id", "tickets", ["api_key_id", "topic_id", "created_at", "id"], BY_KEY),
    ("ix_tickets_api_key_channel", "tickets", ["api_key_id", "channel", "created_at", "id"], BY_KEY),
    ("ix_messages_author_email", "messages", ["lower(author_email)"], "author_email is not null"),
    ("ix_participants_email", "participants", ["email"], None),
    ("ix_participants_added_by", "participants", ["added_by"], None),
    ("ix_link_revocations_email", "link_revocations", ["email"], None),
    ("ix_raw_mails_digest", "raw_mails", ["digest"], None),
    ("ix_raw_mails_message_id", "raw_mails", ["message_id"], "message_id is not null"),
    ("ix_raw_mails_state_received_at", "raw_mails", ["state", "received_at", "id"], None),
    ("ix_raw_mails_kept", "raw_mails", ["received_at"], "state <> 'received'"),
    ("ix_raw_mails_from", "raw_mails", ["lower(sender)"], None),
    ("ix_raw_mails_author", "raw_mails", ["author", "state", "received_at", "id"], "author <> ''"),
    ("ix_raw_mails_sender_state", "raw_mails", ["sender", "state", "received_at", "id"], None),
    ("ix_attachments_unscanned", "attachments", ["id"], "state = 'pending'"),
)
IN_COPY = """
create or replace function addresses_in_copy(copies text[]) returns text[] language sql immutable parallel safe
return string_to_array(lower(array_to_string(copies, ' ')), ' ')
"""


def upgrade() -> None:
    op.execute(IN_COPY)
    for name, table, columns, condition in INDEXES:
        op.create_index(
            name,
            table,
            [text(column) if "(" in column else column for column in columns],
            postgresql_where=text(condition) if condition else None,
            if_not_exists=True,
        )
    op.execute("create index if not exists ix_tickets_cc on tickets using gin (addresses_in_copy(cc)) where cc <> '{}'")
    op.drop_index("ix_raw_mails_ignored", "raw_mails", if_exists=True)
    op.drop_index("ix_raw_mails_failed", "raw_mails", if_exists=True)
    op.create_table(
        "walks",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_walks")),
    )


def downgrade() -> None:
    op.drop_table("walks")
    op.create_index(
        "ix_raw_mails_ignored", "raw_mails", ["received_at", "id"], postgresql_where=text("state = 'ignored'")
    )
    op.create_index("ix_raw_mails_failed", "raw_mails", ["received_at"], postgresql_where=text("state = 'failed'"))
    op.drop_index("ix_tickets_cc", "tickets")
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table)
    op.execute("drop function addresses_in_copy(text[])")
