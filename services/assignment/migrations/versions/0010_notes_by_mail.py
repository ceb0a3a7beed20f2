"""Notes that came by mail: how they came, and the files they brought."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notes", sa.Column("channel", sa.String(16), nullable=False, server_default="desk"))
    op.add_column(
        "notes",
        sa.Column(
            "attachments", postgresql.JSONB(astext_type=sa.Text()), nullable=False, server_default=sa.text("'[]'")
        ),
    )


def downgrade() -> None:
    op.drop_column("notes", "attachments")
    op.drop_column("notes", "channel")
