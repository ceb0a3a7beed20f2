"""Tokens of programs that read the change feed or keep webhooks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "event_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.String(32)), nullable=False),
        sa.Column("created_at", instant, server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", instant),
        sa.Column("revoked_at", instant),
        sa.Column("last_used_at", instant),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_tokens")),
        sa.UniqueConstraint("key_id", name=op.f("uq_event_tokens_key_id")),
    )


def downgrade() -> None:
    op.drop_table("event_tokens")
