"""Several identity providers: whose groups a role is for, and whose addresses a provider vouches for."""

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("group_roles", sa.Column("provider_id", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.add_column("single_sign_on", sa.Column("domains", sa.Text(), server_default=sa.text("''"), nullable=False))


def downgrade() -> None:
    op.drop_column("single_sign_on", "domains")
    op.drop_column("group_roles", "provider_id")
