"""The language in which an agent reads the desk."""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Empty for everybody: the browser's."""
    op.add_column("desk_preferences", sa.Column("language", sa.String(35), server_default="", nullable=False))


def downgrade() -> None:
    """Forgets the choice."""
    op.drop_column("desk_preferences", "language")
