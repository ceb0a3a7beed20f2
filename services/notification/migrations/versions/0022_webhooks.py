"""Webhooks, and the ledger of what they were sent."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None
UNSETTLED = sa.text("status in ('queued', 'sending')")


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("types", postgresql.ARRAY(sa.String(100)), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("state_reason", sa.Text()),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret", sa.LargeBinary()),
        sa.Column("previous_until", instant),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", instant, server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", instant, server_default=sa.func.now(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("open_until", instant),
        sa.Column("last_success_at", instant),
        sa.Column("last_failure_at", instant),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.String(200), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(100), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", instant),
        sa.Column("answer_status", sa.Integer()),
        sa.Column("answer", sa.Text()),
        sa.Column("last_error", sa.Text()),
        sa.Column("duration_ms", sa.Integer()),
        sa.Column("created_at", instant, server_default=sa.func.now(), nullable=False),
        sa.Column("delivered_at", instant),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], ondelete="CASCADE", name=op.f("fk_webhook_deliveries_webhook_id")
        ),
    )
    for name, columns, is_unique, where in (
        ("ux_webhook_deliveries_webhook_id_event_id", ["webhook_id", "event_id"], True, None),
        ("ix_webhook_deliveries_webhook_id_position", ["webhook_id", "position"], False, None),
        ("ix_webhook_deliveries_position", ["position"], False, None),
        ("ix_webhook_deliveries_due", ["webhook_id", "next_attempt_at", "position"], False, UNSETTLED),
        ("ix_webhook_deliveries_order", ["webhook_id", "entity_id", "position"], False, UNSETTLED),
        (
            "ix_webhook_deliveries_not_delivered",
            ["webhook_id", "status", "position"],
            False,
            sa.text("status <> 'delivered'"),
        ),
    ):
        op.create_index(name, "webhook_deliveries", columns, unique=is_unique, postgresql_where=where)


def downgrade() -> None:
    op.drop_table("webhook_deliveries")
    op.drop_table("webhooks")
