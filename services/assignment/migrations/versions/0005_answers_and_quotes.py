"""Answers to a topic's own questions, and what mails quoted: shown to agents beside what was written"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.add_column("messages", sa.Column("quoted", sa.Text(), nullable=False, server_default=""))
    op.add_column("tickets", sa.Column("fields", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")))
    op.add_column("topics", sa.Column("fields", JSONB, nullable=False, server_default=sa.text("'[]'::jsonb")))


def downgrade() -> None:
    op.drop_column("topics", "fields")
    op.drop_column("tickets", "fields")
    op.drop_column("messages", "quoted")
