"""A line of the timeline names the event or message it tells of, so that writing it again does nothing.

The index is left as it is if it exists, as in 0011. Lines from before name nothing: what they tell of is in the inbox.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table timeline_entries add column if not exists source varchar(200)")
    columns, name = ["ticket_id", "source"], "ix_timeline_entries_ticket_id_source"
    op.create_index(name, "timeline_entries", columns, unique=True, if_not_exists=True)


def downgrade() -> None:
    op.drop_index("ix_timeline_entries_ticket_id_source", "timeline_entries")
    op.drop_column("timeline_entries", "source")
