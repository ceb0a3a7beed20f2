"""Who can act in the place of somebody inactive: availability, administrators, and who works in a team.

Until agents and teams are announced anew, all are available, nobody is an administrator, and all members work.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agents", sa.Column("is_available", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    op.add_column(
        "agents", sa.Column("is_administrator", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("teams", sa.Column("worker_ids", postgresql.ARRAY(sa.Uuid()), nullable=True))


def downgrade() -> None:
    op.drop_column("teams", "worker_ids")
    op.drop_column("agents", "is_administrator")
    op.drop_column("agents", "is_available")
