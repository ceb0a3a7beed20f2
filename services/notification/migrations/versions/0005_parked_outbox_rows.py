"""Events the bus refuses again and again are parked in the outbox, out of the relay's way."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("refusals", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("last_refusal", sa.Text(), nullable=True))
    op.add_column("outbox", sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_outbox_waiting", "outbox", ["refusals", "id"], postgresql_where=sa.text("parked_at is null"))
    op.create_index("ix_outbox_parked", "outbox", ["id"], postgresql_where=sa.text("parked_at is not null"))


def downgrade() -> None:
    op.drop_index("ix_outbox_parked", "outbox")
    op.drop_index("ix_outbox_waiting", "outbox")
    for column in ("parked_at", "last_refusal", "refusals"):
        op.drop_column("outbox", column)
