"""What a ticket was at an instant is found in the event log by an index, and so is which tickets were alive then.

On a large installation both indexes can be built beforehand with `create index concurrently`, after the function and
the column; what exists is left as it is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

CHANGED_AT = """
create or replace function event_changed_at(data jsonb) returns timestamptz
language plpgsql immutable strict parallel safe as
$$ begin return cast(data -> 'snapshot' ->> 'updated_at' as timestamptz); end $$
"""
"""Instants in snapshots are written with their offset, so the result depends on no setting, as an index demands."""
LIFETIME = "tstzrange(created_at, greatest(created_at, updated_at), '[]')"
OVER = "status in ('resolved', 'closed')"


def upgrade() -> None:
    """Adds a function, a nullable column and two indexes; no row is rewritten."""
    op.execute(CHANGED_AT)
    op.execute("alter table tickets add column if not exists worked_until timestamptz")
    op.create_index(
        "ix_events_changed_at",
        "events",
        ["ticket_id", sa.text("event_changed_at(data)"), "seq"],
        if_not_exists=True,
    )
    op.create_index(
        "ix_tickets_lifetime",
        "tickets",
        [sa.text(LIFETIME)],
        postgresql_using="gist",
        postgresql_where=sa.text(OVER),
        if_not_exists=True,
    )


def downgrade() -> None:
    """Drops what was added."""
    op.drop_index("ix_tickets_lifetime", "tickets")
    op.drop_index("ix_events_changed_at", "events")
    op.drop_column("tickets", "worked_until")
    op.execute("drop function event_changed_at(jsonb)")
