"""Roll-outs of policy versions to running tickets: a line per ticket, and their append-only history"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rollouts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("policy_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("calendar_version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("filter", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["policy_snapshots.digest"], name=op.f("fk_rollouts_digest")),
        sa.ForeignKeyConstraint(
            ["created_by"], ["agents.id"], name=op.f("fk_rollouts_created_by"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollouts")),
    )
    op.create_index("ix_rollouts_policy_id", "rollouts", ["policy_id", "id"], unique=False)
    op.create_index(
        "uq_rollouts_under_way",
        "rollouts",
        ["policy_id"],
        unique=True,
        postgresql_where=sa.text("state in ('queued', 'running', 'reverting')"),
    )
    op.create_table(
        "rollout_steps",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("rollout_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"], name=op.f("fk_rollout_steps_rollout_id")),
        sa.ForeignKeyConstraint(["by"], ["agents.id"], name=op.f("fk_rollout_steps_by"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollout_steps")),
    )
    op.create_index("ix_rollout_steps_rollout_id", "rollout_steps", ["rollout_id", "id"], unique=False)
    op.create_table(
        "rollout_tickets",
        sa.Column("rollout_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("from_version", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"], name=op.f("fk_rollout_tickets_rollout_id")),
        sa.PrimaryKeyConstraint("rollout_id", "ticket_id", name=op.f("pk_rollout_tickets")),
    )
    op.create_index(
        "ix_rollout_tickets_to_do",
        "rollout_tickets",
        ["rollout_id", "attempts", "ticket_id"],
        unique=False,
        postgresql_where=sa.text("state in ('queued', 'applied')"),
    )
    op.create_index(
        "ix_tickets_policy",
        "tickets",
        [sa.literal_column("(snapshot ->> 'policy_id')"), "id"],
        unique=False,
        postgresql_where=sa.text("status <> 'closed'"),
    )


def downgrade() -> None:
    op.drop_index("ix_tickets_policy", table_name="tickets")
    op.drop_table("rollout_tickets")
    op.drop_table("rollout_steps")
    op.drop_table("rollouts")
