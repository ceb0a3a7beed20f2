"""The audit log of notification's configuration, append-only."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.kit.audit_log import PROTECTION

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table, its indexes, and the triggers that refuse changes."""
    op.create_table(
        "audit_log",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.String(64), nullable=False),
        sa.Column("actor_name", sa.String(255), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject_id", sa.String(64), nullable=False),
        sa.Column("subject_name", sa.String(255), nullable=False),
        sa.Column("before", postgresql.JSONB()),
        sa.Column("after", postgresql.JSONB()),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_log"),
    )
    for name in ("subject_id", "actor_id", "action"):
        op.create_index(f"ix_audit_log_{name}_seq", "audit_log", [name, "seq"])
    for statement in PROTECTION.split(";\ncreate trigger"):
        op.execute(statement if "create function" in statement else f"create trigger{statement}")


def downgrade() -> None:
    """Without the table."""
    op.drop_table("audit_log")
    op.execute("drop function refuse_audit_change()")
