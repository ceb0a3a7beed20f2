"""What-ifs and staffing simulations that run in the background."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "analysis_runs",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("scope", JSONB, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_analysis_runs_owner_id", "analysis_runs", ["owner_id", "kind", "id"])
    op.create_index(
        "ix_analysis_runs_under_way",
        "analysis_runs",
        ["id"],
        postgresql_where=sa.text("state in ('queued', 'running')"),
    )
    op.create_index("ix_analysis_runs_finished_at", "analysis_runs", ["finished_at"])


def downgrade() -> None:
    op.drop_table("analysis_runs")
