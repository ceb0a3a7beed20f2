"""A row that stands for no ticket: what mails to agents about their own accounts are about."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "insert into tickets (id, number, subject, submitted_at)"
        " values ('00000000-0000-0000-0000-000000000000', '', '', now()) on conflict do nothing"
    )


def downgrade() -> None:
    op.execute("delete from deliveries where ticket_id = '00000000-0000-0000-0000-000000000000'")
    op.execute("delete from tickets where id = '00000000-0000-0000-0000-000000000000'")
