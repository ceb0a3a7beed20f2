"""Saved and scheduled reports."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

TABLES = ("report_runs", "report_schedules", "saved_reports")


def upgrade() -> None:
    agent = sa.ForeignKey("agents.id", ondelete="CASCADE")
    op.create_table(
        "saved_reports",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("report", sa.String(16), nullable=False),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), agent, nullable=False, index=True),
        sa.Column("team_id", sa.Uuid(), sa.ForeignKey("teams.id", ondelete="CASCADE"), index=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "report_schedules",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("report", sa.String(16), nullable=False),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("frequency", sa.String(16), nullable=False),
        sa.Column("weekday", sa.SmallInteger()),
        sa.Column("day", sa.SmallInteger()),
        sa.Column("at", sa.String(5), nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("recipients", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("is_paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("owner_id", sa.Uuid(), sa.ForeignKey("agents.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    due = sa.text("not is_paused")
    op.create_index("ix_report_schedules_due", "report_schedules", ["next_due_at"], postgresql_where=due)
    op.create_table(
        "report_runs",
        sa.Column("schedule_id", sa.Uuid(), sa.ForeignKey("report_schedules.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("period", sa.String(64), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("sent_to", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
