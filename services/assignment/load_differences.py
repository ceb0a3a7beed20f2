"""How kept loads of agents are compared with a count of their tickets: for the rebuild, and for operators.

Reads open tickets by a partial index, never closed ones. SQL alone, so that who only checks imports nothing else.
"""

from typing import Final

DIFFERENCES: Final = """
with counted as (
  select assignee_id as agent_id, priority_rank, count(*)::int as tickets from tickets
  where status not in ('resolved', 'closed') and assignee_id is not null group by 1, 2
), kept as (
  select agent_id, priority_rank, sum(tickets)::int as tickets from (
    select agent_id, one.priority_rank, one.tickets from agent_loads
    cross join lateral (values (0, low), (1, normal), (2, high), (3, urgent)) as one (priority_rank, tickets)
    union all select agent_id, priority_rank, tickets from agent_load_changes
  ) as parts group by 1, 2
), differences as (
  select agent_id, priority_rank, coalesce(kept.tickets, 0) as kept, coalesce(counted.tickets, 0) as counted
  from kept full join counted using (agent_id, priority_rank)
  where coalesce(kept.tickets, 0) <> coalesce(counted.tickets, 0)
)"""
"""One row for an agent and priority of which other numbers are kept than counted, at one moment."""
MISCOUNTED: Final = f"{DIFFERENCES} select count(distinct agent_id) from differences"  # noqa: S608 - SQL made of constants
