"""Sessions know the provider's session that they come from, so that the provider can end them."""

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

TABLES = ("sessions", "pending_sign_ins")
SEARCHED = ("provider_subject", "provider_session")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("provider_issuer", sa.String(2000)))
        op.add_column(table, sa.Column("provider_subject", sa.String(255)))
        op.add_column(table, sa.Column("provider_session", sa.String(255)))
        op.add_column(table, sa.Column("provider_token", sa.LargeBinary()))
        for column in SEARCHED:
            op.create_index(op.f(f"ix_{table}_{column}"), table, [column], if_not_exists=True)


def downgrade() -> None:
    for table in TABLES:
        for column in SEARCHED:
            op.drop_index(op.f(f"ix_{table}_{column}"), table)
        for column in ("provider_token", "provider_session", "provider_subject", "provider_issuer"):
            op.drop_column(table, column)
