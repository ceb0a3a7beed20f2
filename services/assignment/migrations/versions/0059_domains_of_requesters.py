"""Requesters know the domain of their primary address, so that an organisation's people are ranges of an index."""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

DOMAIN = "reverse(split_part({email}, '@', 2))"
NOTE = f"""
create function note_requester_domain() returns trigger language plpgsql as $$
begin
  update requesters set domain = {DOMAIN.format(email="new.email")}
  where id = new.requester_id and domain is distinct from {DOMAIN.format(email="new.email")};
  return null;
end $$"""  # noqa: S608 - SQL made of constants
TRIGGER = """
create trigger requester_domain_is_noted after insert or update of email, requester_id, is_primary
on requester_addresses for each row when (new.is_primary) execute function note_requester_domain()"""
FILL = f"""
update requesters set domain = {DOMAIN.format(email="address.email")} from requester_addresses as address
where address.requester_id = requesters.id and address.is_primary"""  # noqa: S608 - SQL made of constants
NAME = sa.text("lower(name)")


def upgrade() -> None:
    """Creating the trigger locks out whoever adds addresses until the domains are filled in."""
    op.add_column("requesters", sa.Column("domain", sa.String(255, collation="C"), nullable=True))
    op.execute(NOTE)
    op.execute(TRIGGER)
    op.execute(FILL)
    op.create_index(
        "ix_requesters_by_domain",
        "requesters",
        ["domain", NAME, "id"],
        postgresql_where=sa.text("organisation_id is null and merged_into is null"),
        if_not_exists=True,
    )
    op.create_index(
        "ix_requesters_by_hand",
        "requesters",
        ["organisation_id", "is_manager", NAME, "id"],
        postgresql_where=sa.text("organisation_id is not null and merged_into is null"),
        if_not_exists=True,
    )


def downgrade() -> None:
    """Without them."""
    op.drop_index("ix_requesters_by_hand", "requesters")
    op.drop_index("ix_requesters_by_domain", "requesters")
    op.execute("drop trigger requester_domain_is_noted on requester_addresses")
    op.execute("drop function note_requester_domain()")
    op.drop_column("requesters", "domain")
