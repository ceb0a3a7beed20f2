"""Rules, preferences, and channels beside mail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

OLD_KEY, KEY = "uq_deliveries_cause_recipient_template", "uq_deliveries_cause_recipient_template_channel"
NOW = sa.text("now()")


def upgrade() -> None:
    """Columns of the ledger and the tables of the configuration."""
    op.add_column("tickets", sa.Column("last_responder_id", sa.Uuid()))
    op.add_column("tickets", sa.Column("last_responded_at", sa.DateTime(timezone=True)))
    op.add_column("deliveries", sa.Column("channel", sa.String(16), server_default=sa.text("'mail'"), nullable=False))
    op.add_column("deliveries", sa.Column("audience", sa.String(16)))
    op.add_column("deliveries", sa.Column("answer", sa.Text()))
    op.add_column("deliveries", sa.Column("bundle", sa.String(100)))
    op.add_column("deliveries", sa.Column("read_at", sa.DateTime(timezone=True)))
    op.drop_constraint(OLD_KEY, "deliveries", type_="unique")
    op.create_unique_constraint(KEY, "deliveries", ["cause", "recipient", "template", "channel"])
    inbox, unread = sa.text("channel = 'inbox'"), sa.text("channel = 'inbox' and read_at is null")
    op.create_index("ix_deliveries_inbox", "deliveries", ["agent_id", "id"], postgresql_where=inbox)
    op.create_index("ix_deliveries_unread", "deliveries", ["agent_id"], postgresql_where=unread)
    bundled = sa.text("status = 'queued' and bundle is not null")
    op.create_index("ix_deliveries_bundle", "deliveries", ["bundle"], postgresql_where=bundled)
    _create_configuration()


def _create_configuration() -> None:
    op.create_table(
        "notification_rules",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("cells", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notification_rules"),
    )
    op.create_table(
        "agent_preferences",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("settings", postgresql.JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("agent_id", name="pk_agent_preferences"),
    )
    op.create_table(
        "recipient_addresses",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("wanted", sa.String(16), server_default=sa.text("'all'"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("bounced_at", sa.DateTime(timezone=True)),
        sa.Column("bounce_reason", sa.Text()),
        sa.PrimaryKeyConstraint("key", name="pk_recipient_addresses"),
    )
    op.create_table(
        "notification_targets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text()),
        sa.Column("team_id", sa.Uuid()),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notification_targets"),
    )


def downgrade() -> None:
    """Without them; entries of other channels than mail are lost."""
    for table in ("notification_targets", "recipient_addresses", "agent_preferences", "notification_rules"):
        op.drop_table(table)
    op.execute("delete from deliveries where channel <> 'mail'")
    for name in ("bundle", "unread", "inbox"):
        op.drop_index(f"ix_deliveries_{name}", "deliveries")
    op.drop_constraint(KEY, "deliveries", type_="unique")
    op.create_unique_constraint(OLD_KEY, "deliveries", ["cause", "recipient", "template"])
    for name in ("read_at", "bundle", "answer", "audience", "channel"):
        op.drop_column("deliveries", name)
    op.drop_column("tickets", "last_responded_at")
    op.drop_column("tickets", "last_responder_id")
