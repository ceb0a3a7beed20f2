"""Which tickets were erased, known before and after their rows are there"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erased_tickets",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_erased_tickets")),
    )
    op.execute("insert into erased_tickets select id, erased_at from tickets where erased_at is not null")


def downgrade() -> None:
    op.drop_table("erased_tickets")
