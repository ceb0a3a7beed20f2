"""Tickets that go back when an agent or a team is there no more; teams and policies that are switched off."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("teams", sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("teams", sa.Column("successor_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_teams_successor_id_teams"), "teams", "teams", ["successor_id"], ["id"])
    op.add_column("sla_policies", sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.create_table(
        "departures",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_departures_agent_id_agents"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_departures_team_id_teams"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("agent_id", "team_id", name=op.f("pk_departures")),
    )
    _create_ticket_returns()


def _create_ticket_returns() -> None:
    op.create_table(
        "ticket_returns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("from_team_id", sa.Uuid(), nullable=True),
        sa.Column("to_team_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_ticket_returns_agent_id_agents"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["from_team_id"], ["teams.id"], name=op.f("fk_ticket_returns_from_team_id_teams")),
        sa.ForeignKeyConstraint(["to_team_id"], ["teams.id"], name=op.f("fk_ticket_returns_to_team_id_teams")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_returns")),
    )
    is_queued = sa.text("state = 'queued'")
    op.create_index(
        "uq_ticket_returns_queued", "ticket_returns", ["ticket_id"], unique=True, postgresql_where=is_queued
    )
    op.create_index("ix_ticket_returns_ticket_id", "ticket_returns", ["ticket_id"])
    op.create_index("ix_ticket_returns_to_do", "ticket_returns", ["next_attempt_at", "id"], postgresql_where=is_queued)
    op.create_index(
        "ix_ticket_returns_to_tell", "ticket_returns", ["to_team_id"], postgresql_where=sa.text("state = 'returned'")
    )


def downgrade() -> None:
    op.drop_table("ticket_returns")
    op.drop_table("departures")
    op.drop_column("sla_policies", "is_active")
    op.drop_column("teams", "successor_id")
    op.drop_column("teams", "is_active")
