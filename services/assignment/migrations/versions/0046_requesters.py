"""Requesters with several addresses, notes about them, and organisations that may share their tickets."""

from alembic import op
from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Integer, SmallInteger, String, Text, Uuid, func, text

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

OPEN = "status not in ('resolved', 'closed')"
REQUESTERS = """
create temporary table people on commit drop as
select gen_random_uuid() as id, lower(requester_email) as email,
  (array_agg(requester_name order by created_at desc))[1] as name,
  coalesce(min(created_at), now()) as first_at, coalesce(max(created_at), now()) as last_at
from tickets where requester_email <> '' group by lower(requester_email)
"""
FILL = (
    REQUESTERS,
    """insert into requesters (id, name, version, created_at, updated_at)
    select id, coalesce(name, ''), 1, first_at, last_at from people""",
    """insert into requester_addresses (email, requester_id, is_primary, added_at)
    select email, id, true, first_at from people""",
    "drop table people",
)


def upgrade() -> None:
    """Everybody who ever asked becomes a requester with one address."""
    organisation = ForeignKey(
        "organisations.id", name="fk_requesters_organisation_id_organisations", ondelete="SET NULL"
    )
    op.create_table(
        "requesters",
        Column("id", Uuid, primary_key=True),
        Column("name", String(255), nullable=False),
        Column("phone", String(40)),
        Column("organisation_id", Uuid, organisation, index=True),
        Column("is_manager", Boolean, nullable=False, server_default=text("false")),
        Column(
            "merged_into",
            Uuid,
            ForeignKey("requesters.id", name="fk_requesters_merged_into_requesters", ondelete="CASCADE"),
            index=True,
        ),
        Column("version", Integer, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )
    op.create_table(
        "requester_addresses",
        Column("email", String(254), primary_key=True),
        Column("requester_id", Uuid, _person("requester_addresses"), nullable=False, index=True),
        Column("merged_from", Uuid),
        Column("digest", Uuid, index=True),
        Column("is_primary", Boolean, nullable=False, server_default=text("false")),
        Column("added_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )
    op.create_table(
        "requester_notes",
        Column("id", Uuid, primary_key=True),
        Column("requester_id", Uuid, _person("requester_notes"), nullable=False, index=True),
        Column("merged_from", Uuid),
        Column("author_id", Uuid, nullable=False),
        Column("author_name", String(255), nullable=False),
        Column("body", Text, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )
    for statement in FILL:
        op.execute(statement)
    _indexes()
    op.add_column("organisations", Column("ticket_sharing", String(16), nullable=False, server_default="nobody"))
    op.add_column("organisations", Column("announced_as", SmallInteger, nullable=False, server_default=text("0")))


def _person(table: str) -> ForeignKey:
    return ForeignKey("requesters.id", name=f"fk_{table}_requester_id_requesters", ondelete="CASCADE")


def _indexes() -> None:
    op.create_index("ix_requesters_name", "requesters", [text("lower(name)"), "id"])
    op.execute("create index ix_requesters_name_words on requesters using gin (lower(name) gin_trgm_ops)")
    op.execute("create index ix_requester_addresses_email_words on requester_addresses using gin (email gin_trgm_ops)")
    op.execute(
        "create index ix_requester_addresses_domain on requester_addresses"
        " (reverse(split_part(email, '@', 2)) text_pattern_ops)"
    )
    email = text("lower(requester_email)")
    op.create_index("ix_tickets_requester", "tickets", [email, "created_at", "id"], if_not_exists=True)
    op.create_index("ix_tickets_requester_open", "tickets", [email], postgresql_where=text(OPEN), if_not_exists=True)
    op.drop_index("ix_tickets_requester_email", "tickets", if_exists=True)


def downgrade() -> None:
    """Tickets keep the addresses they were sent from."""
    op.drop_column("organisations", "announced_as")
    op.drop_column("organisations", "ticket_sharing")
    op.create_index("ix_tickets_requester_email", "tickets", ["requester_email", "created_at", "id"])
    op.drop_index("ix_tickets_requester_open", "tickets")
    op.drop_index("ix_tickets_requester", "tickets")
    for table in ("requester_notes", "requester_addresses", "requesters"):
        op.drop_table(table)
