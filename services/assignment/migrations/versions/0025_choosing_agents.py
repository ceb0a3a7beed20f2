"""How a team's tickets are given out, what agents can take, and the decisions after a ticket's first."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

OPEN = "status not in ('resolved', 'closed')"
UNDER_WAY = sa.text("state in ('offered', 'sent')")
AGENT_COLUMNS = (
    sa.Column("unavailable_as", sa.String(16), server_default=sa.text("'away'"), nullable=False),
    sa.Column("skill_levels", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column("capacity", sa.Integer(), nullable=True),
    sa.Column("priority_weights", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column("weight", sa.SmallInteger(), server_default=sa.text("1"), nullable=False),
    sa.Column("calendar", sa.String(64), nullable=True),
    sa.Column("out_of_office", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
)
TEAM_COLUMNS = (
    sa.Column("strategy", sa.String(16), server_default=sa.text("'least_loaded'"), nullable=False),
    sa.Column("offer_seconds", sa.Integer(), nullable=True),
    sa.Column("handover", sa.String(16), server_default=sa.text("'team'"), nullable=False),
)


def upgrade() -> None:
    for table, columns in (("agents", AGENT_COLUMNS), ("teams", TEAM_COLUMNS)):
        for column in columns:
            op.add_column(table, column.copy())
    waiting = ["team_id", "next_due_at", sa.text("priority_rank desc"), "created_at", "id"]
    op.create_index(
        "ix_tickets_waiting",
        "tickets",
        waiting,
        postgresql_where=sa.text(f"{OPEN} and assignee_id is null"),
        if_not_exists=True,
    )
    op.create_index(
        "ix_tickets_reopened",
        "tickets",
        ["id"],
        postgresql_where=sa.text(f"{OPEN} and (snapshot ->> 'reopen_count') <> '0'"),
        if_not_exists=True,
    )
    _create_turns()
    _create_assignments()


def _create_turns() -> None:
    op.create_table(
        "routing_turns",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("turn", sa.Float(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_routing_turns_team_id_teams"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_routing_turns_agent_id_agents"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("team_id", "agent_id", name=op.f("pk_routing_turns")),
    )
    op.create_index(op.f("ix_routing_turns_agent_id"), "routing_turns", ["agent_id"])


def _create_assignments() -> None:
    op.create_table(
        "ticket_assignments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("previous_agent_id", sa.Uuid(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("priority", sa.String(16), nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("reopen_count", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("evidence", JSONB(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_ticket_assignments_team_id_teams")),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_ticket_assignments_agent_id_agents")),
        sa.ForeignKeyConstraint(
            ["previous_agent_id"], ["agents.id"], name=op.f("fk_ticket_assignments_previous_agent_id_agents")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_assignments")),
    )
    op.create_index(
        "uq_ticket_assignments_under_way",
        "ticket_assignments",
        ["ticket_id"],
        unique=True,
        postgresql_where=UNDER_WAY,
    )
    op.create_index(
        "uq_ticket_assignments_reopened",
        "ticket_assignments",
        ["ticket_id", "reopen_count"],
        unique=True,
        postgresql_where=sa.text("reopen_count is not null and state <> 'refused'"),
    )
    for name, columns, where in (
        ("ticket_id_decided_at", ["ticket_id", "decided_at"], None),
        ("load", ["agent_id"], UNDER_WAY),
        ("to_send", ["next_attempt_at", "id"], sa.text("state = 'sent'")),
        ("offers", ["next_attempt_at"], sa.text("state = 'offered'")),
        ("shares", ["team_id", "decided_at"], sa.text("cause = 'backlog'")),
        ("decided_at", ["decided_at"], None),
    ):
        op.create_index(f"ix_ticket_assignments_{name}", "ticket_assignments", columns, postgresql_where=where)


def downgrade() -> None:
    op.drop_table("ticket_assignments")
    op.drop_table("routing_turns")
    op.drop_index("ix_tickets_reopened", "tickets")
    op.drop_index("ix_tickets_waiting", "tickets")
    for table, columns in (("teams", TEAM_COLUMNS), ("agents", AGENT_COLUMNS)):
        for column in columns:
            op.drop_column(table, column.name)
