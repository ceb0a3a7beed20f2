"""Remembers in which form agents and teams were last announced, so that an upgrade announces them anew."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("agents", "teams"):
        op.add_column(table, sa.Column("announced_as", sa.SmallInteger(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    for table in ("teams", "agents"):
        op.drop_column(table, "announced_as")
