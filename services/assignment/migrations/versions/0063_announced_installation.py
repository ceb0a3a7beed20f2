"""Whether the other services know the organisation's name."""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    announced = sa.Column("announced_as", sa.SmallInteger(), server_default=sa.text("0"), nullable=False)
    op.add_column("installation", announced)


def downgrade() -> None:
    op.drop_column("installation", "announced_as")
