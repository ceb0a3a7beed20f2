"""The organisation's identity provider, and who its people are here."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Three tables."""
    op.create_table(
        "single_sign_on",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client_id", sa.String(255), nullable=False),
        sa.Column("client_secret", sa.LargeBinary()),
        sa.Column("scopes", sa.String(255), nullable=False),
        sa.Column("groups_claim", sa.String(120), nullable=False),
        sa.Column("creates_agents", sa.Boolean(), nullable=False),
        sa.Column("trusts_addresses", sa.Boolean(), nullable=False),
        sa.Column("second_factor", sa.String(16), nullable=False),
        sa.Column("passwords", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_single_sign_on"),
    )
    op.create_table(
        "provider_identities",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("linked_at", INSTANT, nullable=False),
        sa.Column("last_used_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name="fk_provider_identities_agent_id_agents", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_provider_identities"),
    )
    op.create_index("ix_provider_identities_agent_id", "provider_identities", ["agent_id"])
    op.create_table(
        "used_sign_ons",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_used_sign_ons"),
    )
    op.create_index("ix_used_sign_ons_expires_at", "used_sign_ons", ["expires_at"])


def downgrade() -> None:
    """None of them."""
    for table in ("used_sign_ons", "provider_identities", "single_sign_on"):
        op.drop_table(table)
