"""Tokens of programs, and notes that programs write."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
TEXTS = postgresql.ARRAY(sa.String(64))


def upgrade() -> None:
    """The table, and a column that takes no time to add."""
    op.create_table(
        "service_tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("permissions", TEXTS, nullable=False),
        sa.Column("cidrs", TEXTS, nullable=False),
        sa.Column("created_at", INSTANT, server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", INSTANT),
        sa.Column("last_used_at", INSTANT),
        sa.Column("revoked_at", INSTANT),
        sa.ForeignKeyConstraint(["owner_id"], ["agents.id"], name="fk_service_tokens_owner_id_agents"),
        sa.PrimaryKeyConstraint("id", name="pk_service_tokens"),
        sa.UniqueConstraint("key_id", name="uq_service_tokens_key_id"),
    )
    op.create_index("ix_service_tokens_owner_id", "service_tokens", ["owner_id"])
    op.add_column("notes", sa.Column("author_kind", sa.String(16), server_default="agent", nullable=False))


def downgrade() -> None:
    """Without both."""
    op.drop_column("notes", "author_kind")
    op.drop_table("service_tokens")
