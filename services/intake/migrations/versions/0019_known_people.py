"""Which addresses are one person, and which organisations share their tickets."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Both are told by the desk; tickets of a domain are found by an index of their own."""
    op.create_table(
        "person_addresses",
        sa.Column("email", sa.String(254), primary_key=True),
        sa.Column("requester_id", sa.Uuid(), index=True),
        sa.Column("organisation_id", sa.Uuid(), index=True),
        sa.Column("is_manager", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "organisations",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("domains", postgresql.ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("ticket_sharing", sa.String(16), nullable=False),
        sa.Column("is_removed", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_index("ix_organisations_domains", "organisations", ["domains"], postgresql_using="gin")
    op.create_index("ix_erasures_requester_id", "erasures", ["requester_id"])
    op.execute(
        "create index if not exists ix_tickets_domain on tickets"
        " (reverse(split_part(lower(requester_email), '@', 2)) text_pattern_ops, created_at, id)"
    )


def downgrade() -> None:
    """The desk keeps what it told."""
    op.drop_index("ix_tickets_domain", "tickets")
    op.drop_index("ix_erasures_requester_id", "erasures")
    op.drop_table("organisations")
    op.drop_table("person_addresses")
