"""What clocks say has a weight, so that of several such mails to one person the worst is sent.

Rows from before have none, and each of them is sent.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("weight", sa.Double(), nullable=True))


def downgrade() -> None:
    op.drop_column("deliveries", "weight")
