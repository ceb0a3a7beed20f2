"""A command whose answer was lost is asked after, for its events would be lost with the answer."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One column, with a default that costs no rewriting."""
    op.add_column("intents", sa.Column("is_abandoned", sa.Boolean(), nullable=False, server_default=sa.text("false")))


def downgrade() -> None:
    """The column goes."""
    op.drop_column("intents", "is_abandoned")
