"""Commands are written down before they are sent; a routing decision names the stored policy it was made with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "intents",
        sa.Column("command_id", sa.String(64), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("command", postgresql.JSONB(), nullable=False),
        sa.Column("is_keyed", sa.Boolean(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("agent_name", sa.Text(), nullable=False),
        sa.Column("about", sa.String(32), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("claimed_until", INSTANT, nullable=True),
        sa.Column("silences", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("command_id", name=op.f("pk_intents")),
    )
    op.create_index(
        "ix_intents_claimed_until",
        "intents",
        ["claimed_until"],
        postgresql_where=sa.text("claimed_until is not null"),
    )
    op.create_index("ix_intents_created_at", "intents", ["created_at"])
    op.create_index("ix_intents_ticket_id", "intents", ["ticket_id"])
    op.add_column("decisions", sa.Column("policy_digest", sa.String(64), nullable=True))


def downgrade() -> None:
    op.drop_column("decisions", "policy_digest")
    op.drop_table("intents")
