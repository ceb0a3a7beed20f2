"""Saved views, how agents want the desk, actions on many tickets, and exports."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
UNDER_WAY = "state in ('queued', 'running')"


def agent(column: str, table: str) -> sa.ForeignKeyConstraint:
    """Goes with its agent."""
    return sa.ForeignKeyConstraint([column], ["agents.id"], name=f"fk_{table}_{column}_agents", ondelete="CASCADE")


def upgrade() -> None:
    """The tables and their indexes."""
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("sharing", sa.String(16), nullable=False),
        sa.Column("team_id", sa.Uuid()),
        sa.Column("filters", postgresql.JSONB(), nullable=False),
        sa.Column("columns", postgresql.ARRAY(sa.String(64)), nullable=False),
        sa.Column("sort", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        agent("owner_id", "saved_views"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_saved_views_team_id_teams", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_saved_views"),
    )
    op.create_index("ix_saved_views_owner_id", "saved_views", ["owner_id"])
    op.create_index("ix_saved_views_sharing", "saved_views", ["sharing", "team_id"])
    op.create_table(
        "desk_preferences",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("density", sa.String(16), nullable=False),
        sa.Column("time_zone", sa.String(64), server_default="", nullable=False),
        sa.Column("has_reading_pane", sa.Boolean(), nullable=False),
        agent("agent_id", "desk_preferences"),
        sa.PrimaryKeyConstraint("agent_id", name="pk_desk_preferences"),
    )
    create_bulk()
    create_exports()


def create_bulk() -> None:
    """One row for each job, one for each of its tickets."""
    op.create_table(
        "bulk_jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT),
        agent("agent_id", "bulk_jobs"),
        sa.PrimaryKeyConstraint("id", name="pk_bulk_jobs"),
    )
    op.create_index("ix_bulk_jobs_agent_id", "bulk_jobs", ["agent_id", "id"])
    op.create_index("ix_bulk_jobs_under_way", "bulk_jobs", ["id"], postgresql_where=sa.text(UNDER_WAY))
    op.create_table(
        "bulk_tickets",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("code", sa.String(64)),
        sa.Column("detail", sa.Text()),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["bulk_jobs.id"], name="fk_bulk_tickets_job_id_bulk_jobs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "ticket_id", name="pk_bulk_tickets"),
    )
    op.create_index(
        "ix_bulk_tickets_queued",
        "bulk_tickets",
        ["job_id", "attempts", "place"],
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index("ix_bulk_tickets_place", "bulk_tickets", ["job_id", "place"])


def create_exports() -> None:
    """One row for each export, some for its file."""
    op.create_table(
        "exports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("filters", postgresql.JSONB(), nullable=False),
        sa.Column("sort", sa.String(16), nullable=False),
        sa.Column("columns", postgresql.ARRAY(sa.String(64)), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("rows", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("size", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT),
        sa.Column("expires_at", INSTANT, nullable=False),
        agent("agent_id", "exports"),
        sa.PrimaryKeyConstraint("id", name="pk_exports"),
    )
    op.create_index("ix_exports_agent_id", "exports", ["agent_id", "id"])
    op.create_index("ix_exports_under_way", "exports", ["id"], postgresql_where=sa.text(UNDER_WAY))
    op.create_index("ix_exports_expires_at", "exports", ["expires_at"])
    op.create_table(
        "export_parts",
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", INSTANT, server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["export_id"], ["exports.id"], name="fk_export_parts_export_id_exports", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("export_id", "place", name="pk_export_parts"),
    )


def downgrade() -> None:
    """Without the tables."""
    for table in ("export_parts", "exports", "bulk_tickets", "bulk_jobs", "desk_preferences", "saved_views"):
        op.drop_table(table)
