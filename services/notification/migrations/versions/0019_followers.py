"""Who follows a ticket, and what agents may see: followers are told of no ticket that they may not see."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "followers",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("is_following", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", "agent_id", name=op.f("pk_followers")),
    )
    op.add_column(
        "agents", sa.Column("sees_all_tickets", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("teams", sa.Column("viewer_ids", postgresql.ARRAY(sa.Uuid()), nullable=True))
    op.add_column(
        "teams", sa.Column("lineage", postgresql.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("teams", "lineage")
    op.drop_column("teams", "viewer_ids")
    op.drop_column("agents", "sees_all_tickets")
    op.drop_table("followers")
