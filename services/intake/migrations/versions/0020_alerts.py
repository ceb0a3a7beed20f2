"""Alerts of monitoring systems, and how those of a key are treated."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """New tables only."""
    op.create_table(
        "alert_sources",
        sa.Column("key_id", sa.String(16), primary_key=True),
        sa.Column("on_recovery", sa.String(16), nullable=False),
        sa.Column("topic_id", sa.Uuid()),
        sa.Column("priorities", sa.JSON(), nullable=False),
        sa.Column("storm_limit", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("minute_began_at", INSTANT),
        sa.Column("minute_count", sa.Integer(), nullable=False),
        sa.Column("storm_ticket_id", sa.Uuid()),
        sa.Column("storm_grew_at", INSTANT),
        sa.Column("storm_told_at", INSTANT),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("fingerprint", sa.String(128), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("ticket_id", sa.Uuid()),
        sa.Column("is_collected", sa.Boolean(), nullable=False),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.Column("starts_at", INSTANT),
        sa.Column("first_at", INSTANT, nullable=False),
        sa.Column("last_at", INSTANT, nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("relapses", sa.Integer(), nullable=False),
        sa.Column("relapses_from", INSTANT),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("change_told_at", INSTANT),
        sa.Column("wanted", sa.String(16)),
        sa.Column("wanted_id", sa.Uuid()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("try_after", INSTANT),
        sa.UniqueConstraint("key_id", "fingerprint", name=op.f("uq_alerts_key_id_fingerprint")),
    )
    op.create_index("ix_alerts_key_id_id", "alerts", ["key_id", "id"])
    op.create_index("ix_alerts_ticket_id_state", "alerts", ["ticket_id", "state"])
    op.create_index("ix_alerts_last_at", "alerts", ["last_at"])
    op.create_index("ix_alerts_wanted", "alerts", ["try_after"], postgresql_where=sa.text("wanted is not null"))
    op.create_index("ix_alerts_untold", "alerts", ["key_id"], postgresql_where=sa.text("not is_told"))


def downgrade() -> None:
    """Tickets stay; that they came from alerts is forgotten."""
    op.drop_table("alerts")
    op.drop_table("alert_sources")
