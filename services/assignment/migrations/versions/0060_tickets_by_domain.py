"""Tickets by the domain they were sent from, and whom of an organisation's people another address is known of.

On a large installation the index of tickets can be built beforehand with `create index concurrently`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

NOTE = """
create function note_further_address() returns trigger language plpgsql as $$
begin
  update requesters set has_further_addresses = true where id = new.requester_id and not has_further_addresses;
  return null;
end $$"""
TRIGGER = """
create trigger further_address_is_noted after insert or update of email, requester_id, is_primary
on requester_addresses for each row when (not new.is_primary) execute function note_further_address()"""
FILL = """
update requesters set has_further_addresses = true
where id in (select requester_id from requester_addresses where not is_primary)"""
DOMAIN = sa.text("reverse(split_part(lower(requester_email), '@', 2))")


def upgrade() -> None:
    """Creating the trigger locks out whoever adds addresses until those that are there are noted."""
    further = sa.Column("has_further_addresses", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("requesters", further)
    op.execute(NOTE)
    op.execute(TRIGGER)
    op.execute(FILL)
    op.create_index(
        "ix_requesters_further",
        "requesters",
        ["domain"],
        postgresql_where=sa.text("has_further_addresses and organisation_id is null and merged_into is null"),
        if_not_exists=True,
    )
    op.create_index("ix_tickets_requester_domain", "tickets", [DOMAIN, "created_at", "id"], if_not_exists=True)


def downgrade() -> None:
    """Without them."""
    op.drop_index("ix_tickets_requester_domain", "tickets")
    op.drop_index("ix_requesters_further", "requesters")
    op.execute("drop trigger further_address_is_noted on requester_addresses")
    op.execute("drop function note_further_address()")
    op.drop_column("requesters", "has_further_addresses")
