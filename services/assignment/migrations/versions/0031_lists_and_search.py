"""Lists of open tickets are read in order for each team and agent; messages and notes are searched.

Each index is left as it is if it exists: an operator with very many tickets can build them beforehand with
`create index concurrently`. The searched columns are made by the database, which writes messages and notes anew once.
"""

from alembic import op
from sqlalchemy import text

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

OPEN = "status not in ('resolved', 'closed')"
FREE = "status not in ('resolved', 'closed') and assignee_id is null"
ORDERS = ("updated_at", "created_at", "next_due_at", "priority_rank")
OPEN_INDEXES = {
    f"ix_tickets_open_{scope}_{order}": (scope, order, "id") for scope in ("team_id", "assignee_id") for order in ORDERS
}
FREE_INDEXES = {f"ix_tickets_free_team_id_{order}": ("team_id", order, "id") for order in ORDERS}
BEFORE = {"ix_tickets_open_team_id": ("team_id",), "ix_tickets_open_assignee_id": ("assignee_id",)}
SEARCHED = {"ticket_words": "words", "messages": "body", "notes": "body"}


def upgrade() -> None:
    """Both, and the channel that a ticket came by."""
    for indexes, condition in ((OPEN_INDEXES, OPEN), (FREE_INDEXES, FREE)):
        for name, columns in indexes.items():
            op.create_index(name, "tickets", list(columns), postgresql_where=text(condition), if_not_exists=True)
    for name in BEFORE:
        op.drop_index(name, "tickets", if_exists=True)
    for table, column in SEARCHED.items():
        op.execute(
            f"""alter table {table} add column search tsvector
            generated always as (to_tsvector('simple'::regconfig, "left"({column}, 60000))) stored"""
        )
        op.create_index(f"ix_{table}_search", table, ["search"], postgresql_using="gin")
    op.execute("alter table tickets add column channel varchar(16)")
    op.execute(
        """update tickets set channel = first.channel from (
          select distinct on (ticket_id) ticket_id, channel from messages order by ticket_id, posted_at, id
        ) as first where first.ticket_id = tickets.id and tickets.status not in ('resolved', 'closed')"""
    )


def downgrade() -> None:
    """Neither."""
    op.drop_column("tickets", "channel")
    for table in SEARCHED:
        op.drop_index(f"ix_{table}_search", table)
        op.drop_column(table, "search")
    for name, columns in BEFORE.items():
        op.create_index(name, "tickets", list(columns), postgresql_where=text(OPEN), if_not_exists=True)
    for name in (*OPEN_INDEXES, *FREE_INDEXES):
        op.drop_index(name, "tickets")
