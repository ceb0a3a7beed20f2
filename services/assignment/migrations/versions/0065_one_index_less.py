"""What an agent has is counted in the index of lists by agent and priority, which begins with the same columns.

Every process that counts there keeps an index that serves it, so this may run beside the release before.
"""

from alembic import op
from sqlalchemy import text

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

OPEN = "status not in ('resolved', 'closed')"


def upgrade() -> None:
    op.drop_index("ix_tickets_load", "tickets", if_exists=True)


def downgrade() -> None:
    columns = ["assignee_id", "priority_rank"]
    op.create_index("ix_tickets_load", "tickets", columns, postgresql_where=text(OPEN), if_not_exists=True)
