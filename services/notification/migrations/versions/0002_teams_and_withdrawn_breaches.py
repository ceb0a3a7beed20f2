"""Members of teams, and which breach a mail tells of.

Rows from before do not say it, so their readers are not told of a withdrawal.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "teams",
        sa.Column("member_ids", sa.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("deliveries", sa.Column("about", sa.String(64)))
    op.add_column("deliveries", sa.Column("seq", sa.BigInteger()))


def downgrade() -> None:
    for column in ("seq", "about"):
        op.drop_column("deliveries", column)
    op.drop_column("teams", "member_ids")
