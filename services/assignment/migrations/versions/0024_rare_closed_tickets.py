"""Lists of closed tickets find those of one priority, and those that nobody had, however few they are.

Each index is left as it is if it exists: an operator with very many tickets can build them beforehand with
`create index concurrently`, and this migration then takes no time.
"""

from alembic import op
from sqlalchemy import text

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

OVER = "status in ('resolved', 'closed')"
NOBODYS = f"{OVER} and assignee_id is null"
SCOPES = ((), ("team_id",), ("assignee_id",))
ORDERS = ("updated_at", "created_at", "next_due_at")
RANKED = {
    "_".join(("ix_tickets_over", *scope, "status_priority_rank", order)): (
        *(*scope, "status", "priority_rank", order),
        "id",
    )
    for scope in SCOPES
    for order in ORDERS
}
OF_NOBODY = {
    "_".join(("ix_tickets_nobodys", *scope, "status", order)): (*scope, "status", order, "id")
    for scope in SCOPES[:2]
    for order in (*ORDERS, "priority_rank")
}


def upgrade() -> None:
    """Both kinds."""
    for indexes, condition in ((RANKED, OVER), (OF_NOBODY, NOBODYS)):
        for name, columns in indexes.items():
            op.create_index(name, "tickets", list(columns), postgresql_where=text(condition), if_not_exists=True)


def downgrade() -> None:
    """Neither."""
    for name in (*RANKED, *OF_NOBODY):
        op.drop_index(name, "tickets")
