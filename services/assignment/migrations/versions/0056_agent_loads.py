"""Loads of agents, counted as tickets come and go, so that a routing decision need not count their tickets."""

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

IS_OVER = "status in ('resolved', 'closed')"
NOTE = f"""
create function note_agent_load() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' and old.assignee_id is not null and not (old.{IS_OVER}) then
    insert into agent_load_changes (agent_id, priority_rank, tickets) values (old.assignee_id, old.priority_rank, -1);
  end if;
  if tg_op <> 'DELETE' and new.assignee_id is not null and (new.assigned_at is not null or not (new.{IS_OVER})) then
    insert into agent_load_changes (agent_id, priority_rank, tickets, assigned_at)
    values (new.assignee_id, new.priority_rank, case when new.{IS_OVER} then 0 else 1 end, new.assigned_at);
  end if;
  return null;
end $$"""  # noqa: S608 - SQL made of constants
COUNTED = ("assignee_id", "assigned_at", "priority_rank", IS_OVER)
BEFORE, AFTER = (", ".join(f"{row}.{one}" for one in COUNTED) for row in ("old", "new"))
NOTED = {
    "insert": "new.assignee_id is not null",
    "update": f"row({BEFORE}) is distinct from row({AFTER})",
    "delete": f"old.assignee_id is not null and not (old.{IS_OVER})",
}
"""The changes of a ticket that are one of a load; others cost nothing."""
COUNT = f"""
insert into agent_loads (agent_id, low, normal, high, urgent, assigned_at)
select agents.id, coalesce(had.low, 0), coalesce(had.normal, 0), coalesce(had.high, 0), coalesce(had.urgent, 0),
  (select max(assigned_at) from tickets where assignee_id = agents.id)
from agents left join (
  select assignee_id, count(*) filter (where priority_rank = 0) as low,
    count(*) filter (where priority_rank = 1) as normal, count(*) filter (where priority_rank = 2) as high,
    count(*) filter (where priority_rank = 3) as urgent
  from tickets where not ({IS_OVER}) and assignee_id is not null group by assignee_id
) as had on had.assignee_id = agents.id"""  # noqa: S608 - SQL made of constants


def upgrade() -> None:
    """Creating the triggers locks out whoever writes tickets until the loads are counted."""
    counts = [
        sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)
        for name in ("low", "normal", "high", "urgent")
    ]
    op.create_table(
        "agent_loads",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        *counts,
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("pk_agent_loads")),
    )
    op.create_table(
        "agent_load_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("priority_rank", sa.SmallInteger(), nullable=False),
        sa.Column("tickets", sa.Integer(), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_load_changes")),
    )
    op.execute("alter table agent_loads set (fillfactor = 60)")
    op.execute(NOTE)
    for change, when in NOTED.items():
        op.execute(
            f"create trigger agent_load_on_{change} after {change} on tickets "
            f"for each row when ({when}) execute function note_agent_load()"
        )
    op.execute(COUNT)


def downgrade() -> None:
    """Without them."""
    for change in NOTED:
        op.execute(f"drop trigger agent_load_on_{change} on tickets")
    op.execute("drop function note_agent_load()")
    op.drop_table("agent_load_changes")
    op.drop_table("agent_loads")
