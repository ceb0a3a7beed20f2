"""The change feed for programs: its events, its end, the order of each ticket's steps, and steps that came early."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "feed_events",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.String(200), nullable=False),
        sa.Column("type", sa.String(100), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid()),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.Column("recorded_at", instant, server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_feed_events")),
    )
    op.create_index("ux_feed_events_event_id", "feed_events", ["event_id"], unique=True)
    op.create_index("ix_feed_events_recorded_at", "feed_events", ["recorded_at"])
    op.create_index("ix_feed_events_type_position", "feed_events", ["type", "position"])
    op.create_index(
        "ix_feed_events_ticket_id_position",
        "feed_events",
        ["ticket_id", "position"],
        postgresql_where=sa.text("ticket_id is not null"),
    )
    op.create_table(
        "feed_end",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_end")),
    )
    op.execute("insert into feed_end (id, position) values (1, 0)")
    op.create_table(
        "feed_tickets",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("erased_at", instant),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_feed_tickets")),
    )
    op.create_table(
        "feed_early",
        sa.Column("event_id", sa.String(200), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.Column("release_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_feed_early")),
    )
    op.create_index("ix_feed_early_ticket_id_seq", "feed_early", ["ticket_id", "seq"])
    op.create_index("ix_feed_early_release_at", "feed_early", ["release_at"])


def downgrade() -> None:
    for table in ("feed_early", "feed_tickets", "feed_end", "feed_events"):
        op.drop_table(table)
