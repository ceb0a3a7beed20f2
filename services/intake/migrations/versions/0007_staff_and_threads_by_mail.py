"""Staff who answer by mail, threads that are known by mails we have not seen, and ignored mails that can be found."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

FALSE = sa.text("false")


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
    )
    op.create_index(op.f("ix_agents_email"), "agents", ["email"])
    op.create_table(
        "mail_ancestors",
        sa.Column("mail_id", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("mail_id", "ticket_id", name=op.f("pk_mail_ancestors")),
    )
    op.create_index(op.f("ix_mail_ancestors_ticket_id"), "mail_ancestors", ["ticket_id"])
    op.add_column("raw_mails", sa.Column("subject", sa.Text(), nullable=False, server_default=""))
    op.add_column("raw_mails", sa.Column("author", sa.String(254), nullable=False, server_default=""))
    op.add_column("raw_mails", sa.Column("is_forced", sa.Boolean(), nullable=False, server_default=FALSE))
    op.add_column("raw_mails", sa.Column("is_internal", sa.Boolean(), nullable=False, server_default=FALSE))
    op.create_index(
        "ix_raw_mails_ignored", "raw_mails", ["received_at", "id"], postgresql_where=sa.text("state = 'ignored'")
    )
    op.add_column("attachments", sa.Column("is_internal", sa.Boolean(), nullable=False, server_default=FALSE))


def downgrade() -> None:
    op.drop_column("attachments", "is_internal")
    op.drop_index("ix_raw_mails_ignored", table_name="raw_mails")
    for column in ("is_internal", "is_forced", "author", "subject"):
        op.drop_column("raw_mails", column)
    op.drop_table("mail_ancestors")
    op.drop_table("agents")
