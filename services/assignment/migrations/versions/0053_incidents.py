"""Major incidents, and the bulk jobs that belong to one."""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("declared_by", sa.Uuid(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("public_title", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_incidents")),
    )
    op.add_column("bulk_jobs", sa.Column("incident_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_bulk_jobs_incident_id",
        "bulk_jobs",
        ["incident_id", "id"],
        postgresql_where=sa.text("incident_id is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_bulk_jobs_incident_id", "bulk_jobs")
    op.drop_column("bulk_jobs", "incident_id")
    op.drop_table("incidents")
