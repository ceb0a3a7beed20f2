"""Drafts, held replies, agents' files, followers, presence, links, edits, and agents' own settings."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

TABLES = (
    "agent_settings",
    "entry_versions",
    "ticket_links",
    "presence",
    "followers",
    "agent_files",
    "held_replies",
    "drafts",
)


def _at(name: str) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _agent(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f(f"fk_{table}_agent_id_agents"), ondelete="CASCADE"
        ),
    ]


def upgrade() -> None:
    op.create_table(
        "drafts",
        *_agent("drafts"),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("body_format", sa.String(16), nullable=False),
        sa.Column("attachments", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("remark", sa.Text(), server_default="", nullable=False),
        _at("updated_at"),
        sa.PrimaryKeyConstraint("agent_id", "ticket_id", "kind", name=op.f("pk_drafts")),
    )
    op.create_index("ix_drafts_ticket_id", "drafts", ["ticket_id"])
    op.create_index("ix_drafts_updated_at", "drafts", ["updated_at"])
    op.create_table(
        "held_replies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        *_agent("held_replies"),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("body_format", sa.String(16), nullable=False),
        sa.Column("attachments", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("following", sa.String(16), server_default="", nullable=False),
        _at("held_at"),
        _at("send_at"),
        sa.Column("tries", sa.SmallInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_replies")),
    )
    op.create_index("ix_held_replies_send_at", "held_replies", ["send_at"])
    op.create_index("ix_held_replies_ticket_id", "held_replies", ["ticket_id"])
    op.create_table(
        "agent_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        *_agent("agent_files"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.String(127), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        _at("expires_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_files")),
    )
    op.create_index("ix_agent_files_expires_at", "agent_files", ["expires_at"])
    op.create_table(
        "followers",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        *_agent("followers"),
        _at("since"),
        sa.Column("is_mentioned", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", "agent_id", name=op.f("pk_followers")),
    )
    op.create_index("ix_followers_agent_id", "followers", ["agent_id"])
    op.create_table(
        "presence",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        *_agent("presence"),
        sa.Column("is_typing", sa.Boolean(), nullable=False),
        _at("seen_at"),
        sa.PrimaryKeyConstraint("ticket_id", "agent_id", name=op.f("pk_presence")),
    )
    op.create_index("ix_presence_seen_at", "presence", ["seen_at"])
    op.create_table(
        "ticket_links",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        _at("added_at"),
        sa.PrimaryKeyConstraint("ticket_id", "other_id", name=op.f("pk_ticket_links")),
    )
    op.create_index("ix_ticket_links_other_id", "ticket_links", ["other_id"])
    op.create_table(
        "entry_versions",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("body_format", sa.String(16), nullable=False),
        _at("replaced_at"),
        sa.Column("replaced_by", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", "version", name=op.f("pk_entry_versions")),
    )
    op.create_index(op.f("ix_entry_versions_ticket_id"), "entry_versions", ["ticket_id"])
    op.create_table(
        "agent_settings",
        *_agent("agent_settings"),
        sa.Column("undo_seconds", sa.SmallInteger(), nullable=True),
        sa.Column("shortcuts", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("pk_agent_settings")),
    )

    requester = ["requester_email", "created_at", "id"]
    op.create_index("ix_tickets_requester_email", "tickets", requester, if_not_exists=True)
    for table in ("messages", "notes"):
        op.add_column(table, sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for table in ("notes", "messages"):
        op.drop_column(table, "edited_at")
    op.drop_index("ix_tickets_requester_email", "tickets")
    for table in TABLES:
        op.drop_table(table)
