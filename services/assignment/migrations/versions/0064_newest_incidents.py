"""Incidents in the order in which they were declared; few rows, so that the index is built in an instant."""

from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_incidents_declared_at", "incidents", ["declared_at", "ticket_id"], if_not_exists=True)


def downgrade() -> None:
    op.drop_index("ix_incidents_declared_at", "incidents")
