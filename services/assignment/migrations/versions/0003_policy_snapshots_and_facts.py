"""Policies exactly as tickets carry them, and what of each event the clocks hear"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

FACT = (
    "case when type = 'ticket.opened' then (data -> 'snapshot')"
    " - '{ticket_id,number,seq,revision,status,topic_id,team_id,assignee_id,policy_id,policy_version,updated_at,"
    "first_replied_at,resolved_at,closed_at,hold_reason,close_reason,reopen_count,is_archived,due_at,clocks}'::text[]"
    " when type in ('ticket.triaged', 'ticket.policy_changed', 'ticket.prioritised', 'ticket.due_set',"
    " 'ticket.message_recorded', 'ticket.pended', 'ticket.held', 'ticket.resumed', 'ticket.resolved',"
    " 'ticket.reopened', 'ticket.closed')"
    " then data - '{ticket_id,revision,actor,snapshot,team_id,message_id}'::text[] end"
)


def upgrade() -> None:
    op.create_table(
        "policy_snapshots",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("policy_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("calendar_slug", sa.String(length=100), nullable=False),
        sa.Column("calendar_version", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_policy_snapshots")),
    )
    op.create_index(op.f("ix_policy_snapshots_policy_id"), "policy_snapshots", ["policy_id", "version"], unique=False)
    op.add_column(
        "events",
        sa.Column("fact", postgresql.JSONB(astext_type=sa.Text()), sa.Computed(FACT, persisted=True), nullable=True),
    )
    op.create_index(
        "ix_events_facts", "events", ["ticket_id", "seq"], unique=False, postgresql_where=sa.text("fact is not null")
    )


def downgrade() -> None:
    op.drop_index("ix_events_facts", table_name="events")
    op.drop_column("events", "fact")
    op.drop_table("policy_snapshots")
