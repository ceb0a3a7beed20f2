"""Sessions that can be listed, second factors, links by mail, and roles that require a second factor."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def _agent() -> sa.Column:
    return sa.Column("agent_id", sa.Uuid(), nullable=False)


def _of_agent(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=f"fk_{table}_agent_id_agents", ondelete="CASCADE")


def upgrade() -> None:
    op.add_column(
        "roles", sa.Column("requires_second_factor", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    for column in (
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("last_seen_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("channel", sa.String(16), server_default="api", nullable=False),
        sa.Column("method", sa.String(32), server_default="password", nullable=False),
        sa.Column("second_factor", sa.String(32)),
        sa.Column("address", sa.String(64), server_default="", nullable=False),
        sa.Column("user_agent", sa.String(255), server_default="", nullable=False),
        sa.Column("challenge", sa.LargeBinary()),
    ):
        op.add_column("sessions", column)
    op.create_unique_constraint("uq_sessions_id", "sessions", ["id"])
    op.create_table(
        "pending_sign_ins",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        _agent(),
        sa.Column("method", sa.String(32), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("failures", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("challenge", sa.LargeBinary()),
        _of_agent("pending_sign_ins"),
        sa.PrimaryKeyConstraint("digest", name="pk_pending_sign_ins"),
    )
    op.create_index("ix_pending_sign_ins_agent_id", "pending_sign_ins", ["agent_id"])
    op.create_index("ix_pending_sign_ins_expires_at", "pending_sign_ins", ["expires_at"])
    op.create_table(
        "totp_secrets",
        _agent(),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("confirmed_at", INSTANT),
        sa.Column("last_step", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        _of_agent("totp_secrets"),
        sa.PrimaryKeyConstraint("agent_id", name="pk_totp_secrets"),
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Uuid(), nullable=False),
        _agent(),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_used_at", INSTANT),
        _of_agent("passkeys"),
        sa.PrimaryKeyConstraint("id", name="pk_passkeys"),
        sa.UniqueConstraint("credential_id", name="uq_passkeys_credential_id"),
    )
    op.create_index("ix_passkeys_agent_id", "passkeys", ["agent_id"])
    op.create_table(
        "recovery_codes",
        _agent(),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        _of_agent("recovery_codes"),
        sa.PrimaryKeyConstraint("agent_id", "digest", name="pk_recovery_codes"),
    )
    op.create_table(
        "account_links",
        sa.Column("id", sa.Uuid(), nullable=False),
        _agent(),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        _of_agent("account_links"),
        sa.PrimaryKeyConstraint("id", name="pk_account_links"),
        sa.UniqueConstraint("agent_id", "purpose", name="uq_account_links_agent_id_purpose"),
    )
    op.create_index("ix_account_links_expires_at", "account_links", ["expires_at"])


def downgrade() -> None:
    for table in ("account_links", "recovery_codes", "passkeys", "totp_secrets", "pending_sign_ins"):
        op.drop_table(table)
    op.drop_constraint("uq_sessions_id", "sessions")
    for column in ("challenge", "user_agent", "address", "second_factor", "method", "channel", "last_seen_at", "id"):
        op.drop_column("sessions", column)
    op.drop_column("roles", "requires_second_factor")
