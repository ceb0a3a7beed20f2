"""Lists, counts and routing read what is worked on apart from what is over; corrected verdicts are found at once.

Each index is left as it is if it exists: an operator with very many tickets can build them beforehand with
`create index concurrently`, and this migration then takes no time.
"""

from alembic import op
from sqlalchemy import text

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

OPEN = "status not in ('resolved', 'closed')"
OVER = "status in ('resolved', 'closed')"
ORDERS = ("updated_at", "created_at", "next_due_at", "priority_rank")
OPEN_INDEXES = {
    **{f"ix_tickets_open_{order}": (order, "id") for order in ORDERS},
    "ix_tickets_open_team_id": ("team_id",),
    "ix_tickets_open_assignee_id": ("assignee_id",),
}
OVER_INDEXES = {
    "_".join(("ix_tickets_over", *scope, "status", order)): (*scope, "status", order, "id")
    for scope in ((), ("team_id",), ("assignee_id",))
    for order in ORDERS
} | {"ix_tickets_over_topic_id": ("topic_id",)}
BEFORE = {
    "ix_tickets_team_id_status": ("team_id", "status"),
    "ix_tickets_updated_at_id": ("updated_at", "id"),
    "ix_tickets_created_at_id": ("created_at", "id"),
    "ix_tickets_next_due_at_id": ("next_due_at", "id"),
}


def upgrade() -> None:
    for indexes, condition in ((OPEN_INDEXES, OPEN), (OVER_INDEXES, OVER)):
        for name, columns in indexes.items():
            op.create_index(name, "tickets", list(columns), postgresql_where=text(condition), if_not_exists=True)
    op.create_index(
        "ix_verdicts_corrections",
        "verdicts",
        ["ticket_id", "metric", "cycle", "revision"],
        postgresql_where=text("revision > 1"),
        if_not_exists=True,
    )
    for name in BEFORE:
        op.drop_index(name, "tickets", if_exists=True)


def downgrade() -> None:
    for name, columns in BEFORE.items():
        op.create_index(name, "tickets", list(columns), if_not_exists=True)
    op.drop_index("ix_verdicts_corrections", "verdicts")
    for name in (*OPEN_INDEXES, *OVER_INDEXES):
        op.drop_index(name, "tickets")
