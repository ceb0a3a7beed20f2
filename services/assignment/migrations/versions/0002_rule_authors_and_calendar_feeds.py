"""Who made each version of a calendar or policy, and the feeds that calendars are kept fresh from"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

VERSIONED = ("calendars", "sla_policies")


def upgrade() -> None:
    for table in VERSIONED:
        op.add_column(table, sa.Column("created_by", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_created_by"), table, "agents", ["created_by"], ["id"], ondelete="SET NULL"
        )
    op.create_table(
        "calendar_feeds",
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("include_free", sa.Boolean(), nullable=False),
        sa.Column("taken", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by"], ["agents.id"], name=op.f("fk_calendar_feeds_created_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_calendar_feeds")),
    )
    op.create_index(op.f("ix_calendar_feeds_due_at"), "calendar_feeds", ["due_at"], unique=False)


def downgrade() -> None:
    op.drop_table("calendar_feeds")
    for table in VERSIONED:
        op.drop_column(table, "created_by")
