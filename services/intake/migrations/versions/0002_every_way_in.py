"""Attachments, mail, forms, announcements, participants, bans, live happenings, rotation of keys, erasure.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WORD = sa.String(16)
INSTANT = sa.DateTime(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    _tickets()
    _topics()
    _keys()
    _attachments()
    _mail()
    _people()


def _tickets() -> None:
    op.add_column("tickets", sa.Column("erased_at", INSTANT, nullable=True))
    op.create_index(
        "ix_tickets_kept", "tickets", ["updated_at"], postgresql_where=sa.text("is_archived and erased_at is null")
    )
    op.create_index("ix_tickets_requester", "tickets", [sa.text("lower(requester_email)"), "created_at"])
    op.create_index("ix_tickets_follows", "tickets", ["follows"], postgresql_where=sa.text("follows is not null"))
    op.add_column("messages", sa.Column("author_email", sa.String(254), nullable=True))
    op.add_column("messages", sa.Column("quoted", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "happenings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", WORD, nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("status", WORD, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_happenings_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_happenings")),
    )
    op.create_index("ix_happenings_ticket_id_id", "happenings", ["ticket_id", "id"])


def _topics() -> None:
    op.add_column("topics", sa.Column("is_public", sa.Boolean(), nullable=False, server_default="true"))
    op.add_column("topics", sa.Column("priority", WORD, nullable=True))
    op.add_column("topics", sa.Column("form", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("topics", sa.Column("former_fields", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("topics", sa.Column("thanks", sa.Text(), nullable=False, server_default=""))
    op.add_column("topics", sa.Column("legacy_id", sa.Integer(), nullable=True))
    op.create_unique_constraint(op.f("uq_topics_legacy_id"), "topics", ["legacy_id"])
    op.create_table(
        "announcements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("is_urgent", sa.Boolean(), nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("updated_at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
    )


def _keys() -> None:
    op.add_column("api_keys", sa.Column("previous_digest", sa.LargeBinary(), nullable=True))
    op.add_column("api_keys", sa.Column("previous_until", INSTANT, nullable=True))
    op.add_column("api_keys", sa.Column("is_legacy", sa.Boolean(), nullable=False, server_default="false"))
    op.add_column("api_keys", sa.Column("expires_at", INSTANT, nullable=True))


def _attachments() -> None:
    op.create_table(
        "attachments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.String(127), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("owner", sa.String(80), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("field", sa.String(64), nullable=True),
        sa.Column("content_id", sa.String(255), nullable=True),
        sa.Column("is_inline", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
    )
    op.create_index("ix_attachments_ticket_id_message_id", "attachments", ["ticket_id", "message_id"])
    op.create_index("ix_attachments_digest", "attachments", ["digest"])
    op.create_index(
        "ix_attachments_unclaimed", "attachments", ["created_at"], postgresql_where=sa.text("ticket_id is null")
    )
    op.create_index(
        "ix_attachments_pending", "attachments", ["created_at"], postgresql_where=sa.text("state = 'pending'")
    )


def _mail() -> None:
    op.create_table(
        "raw_mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(255), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("recipients", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", INSTANT, nullable=True),
        sa.Column("settled_at", INSTANT, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_raw_mails")),
        sa.UniqueConstraint("identity", name=op.f("uq_raw_mails_identity")),
    )
    op.create_index("ix_raw_mails_ticket_id", "raw_mails", ["ticket_id"])
    op.create_index(
        "ix_raw_mails_waiting",
        "raw_mails",
        ["sender", "received_at", "id"],
        postgresql_where=sa.text("state = 'received'"),
    )
    op.create_index("ix_raw_mails_sender_settled_at", "raw_mails", ["sender", "settled_at"])
    op.create_index("ix_raw_mails_failed", "raw_mails", ["received_at"], postgresql_where=sa.text("state = 'failed'"))
    op.create_table(
        "mail_ids",
        sa.Column("mail_id", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", INSTANT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("mail_id", name=op.f("pk_mail_ids")),
    )
    op.create_index("ix_mail_ids_ticket_id", "mail_ids", ["ticket_id"])


def _people() -> None:
    op.create_table(
        "participants",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("invited_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("changed_at", INSTANT, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_participants_ticket_id")),
        sa.PrimaryKeyConstraint("ticket_id", "email", name=op.f("pk_participants")),
    )
    op.create_table(
        "link_revocations",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("made_before", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_link_revocations_ticket_id")),
        sa.PrimaryKeyConstraint("ticket_id", "email", name=op.f("pk_link_revocations")),
    )
    op.create_table(
        "erasures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("requester_id", sa.Uuid(), nullable=True),
        sa.Column("ticket_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("took_part_in", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("digests", sa.ARRAY(sa.String(64)), nullable=False),
        sa.Column("erased_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.create_index(
        "ix_erasures_unfinished", "erasures", ["erased_at"], postgresql_where=sa.text("finished_at is null")
    )
    op.create_table(
        "bans",
        sa.Column("pattern", sa.String(254), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, server_default=NOW, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("pattern", name=op.f("pk_bans")),
    )


def downgrade() -> None:
    for table in (
        "bans",
        "erasures",
        "link_revocations",
        "participants",
        "mail_ids",
        "raw_mails",
        "attachments",
        "announcements",
        "happenings",
    ):
        op.drop_table(table)
    for column in ("expires_at", "is_legacy", "previous_until", "previous_digest"):
        op.drop_column("api_keys", column)
    for column in ("legacy_id", "thanks", "former_fields", "form", "priority", "is_public"):
        op.drop_column("topics", column)
    for column in ("quoted", "author_email"):
        op.drop_column("messages", column)
    op.drop_index("ix_tickets_kept", table_name="tickets")
    op.drop_column("tickets", "erased_at")
    op.drop_index("ix_tickets_follows", table_name="tickets")
    op.drop_index("ix_tickets_requester", table_name="tickets")
