"""What an agent has is counted in an index of open tickets by agent and priority.

It is left as it is if it exists: an operator with very many tickets can build it beforehand with
`create index concurrently`.
"""

from alembic import op
from sqlalchemy import text

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

OPEN = "status not in ('resolved', 'closed')"


def upgrade() -> None:
    columns = ["assignee_id", "priority_rank"]
    op.create_index("ix_tickets_load", "tickets", columns, postgresql_where=text(OPEN), if_not_exists=True)


def downgrade() -> None:
    op.drop_index("ix_tickets_load", "tickets")
