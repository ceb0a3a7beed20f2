"""Tickets that are major incidents are marked, so that those worked on are an index of their own.

On a large installation the column can be added beforehand, and then the index built with `create index concurrently`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

MARK = """
create function mark_incident() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    update tickets set is_incident = true where id = new.ticket_id and not is_incident;
  else
    update tickets set is_incident = false where id = old.ticket_id and is_incident;
  end if;
  return null;
end $$"""
TRIGGER = """
create trigger incident_is_marked after insert or delete on incidents
for each row execute function mark_incident()"""
FILL = "update tickets set is_incident = true where id in (select ticket_id from incidents) and not is_incident"
OPEN = "is_incident and status not in ('resolved', 'closed')"


def upgrade() -> None:
    """Whoever writes, processes of the release before as well, it is the trigger that marks.

    Those sort the few incidents that there are, where they had the index that is gone.
    """
    mark = sa.Column("is_incident", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    op.add_column("tickets", mark, if_not_exists=True)
    op.execute(MARK)
    op.execute(TRIGGER)
    op.execute(FILL)
    op.create_index("ix_tickets_incidents", "tickets", ["id"], postgresql_where=sa.text(OPEN), if_not_exists=True)
    op.drop_index("ix_incidents_declared_at", "incidents", if_exists=True)


def downgrade() -> None:
    """Without it."""
    op.create_index("ix_incidents_declared_at", "incidents", ["declared_at", "ticket_id"], if_not_exists=True)
    op.drop_index("ix_tickets_incidents", "tickets")
    op.execute("drop trigger incident_is_marked on incidents")
    op.execute("drop function mark_incident()")
    op.drop_column("tickets", "is_incident")
