"""How long tickets were in a status, with a team and with an agent: the stretches of time that events ended.

A stretch counts whole when it ends, as a verdict does: so the parts of a period add up to it. A status ends with the
next one. A team or agent holds a ticket while it is worked on: until it goes to another, is resolved or is closed.
"""

from typing import Final

from sqlalchemy import text

NOBODY: Final = "00000000-0000-0000-0000-000000000000"
_WORKED_ON: Final = "('new', 'open', 'pending', 'on_hold')"
COLUMNS: Final = ("stretches", "seconds")


def _holder(state: str, name: str) -> str:
    """SQL for who holds a ticket in a state; null for one that is finished, and for states that do not say."""
    return f"case when {state} ->> 'status' in {_WORKED_ON} then coalesce({state} ->> '{name}', '') end"


def _part(state: str) -> str:
    """SQL for what a stretch of the dimension `d` is a stretch of, in another state."""
    return (
        f"case d.dimension when 'status' then {state} ->> 'status'"
        f" when 'team' then {_holder(state, 'team_id')} else {_holder(state, 'assignee_id')} end"
    )


STRETCHES: Final = f"""
select e.ticket_id, e.at, d.dimension, d.was as key,
  coalesce(nullif(p.state ->> 'team_id', ''), '{NOBODY}')::uuid as team_id,
  greatest(extract(epoch from e.at - began.at), 0)::double precision as seconds
from events e
cross join lateral (
  select b.data -> 'snapshot' as state from events b
  where b.ticket_id = e.ticket_id and b.seq < e.seq and b.data -> 'snapshot' is not null order by b.seq desc limit 1
) as p
cross join lateral (values
  ('status', p.state ->> 'status', e.data -> 'snapshot' ->> 'status'),
  ('team', {_holder("p.state", "team_id")}, {_holder("(e.data -> 'snapshot')", "team_id")}),
  ('agent', {_holder("p.state", "assignee_id")}, {_holder("(e.data -> 'snapshot')", "assignee_id")})
) as d (dimension, was, becomes)
cross join lateral (
  select f.at from events f
  where f.ticket_id = e.ticket_id and f.seq < e.seq and f.data -> 'snapshot' is not null and f.seq > coalesce((
    select max(g.seq) from events g
    where g.ticket_id = e.ticket_id and g.seq < e.seq and g.data -> 'snapshot' is not null
      and {_part("(g.data -> 'snapshot')")} is distinct from d.was
  ), -1)
  order by f.seq limit 1
) as began
where e.data -> 'snapshot' is not null and d.was is not null and d.was is distinct from d.becomes
"""
"""A row for each stretch that an event ended, once per dimension, with the team that had the ticket until then."""
COUNT_HELD: Final = text(f"""
with stretches as ({STRETCHES} and e.recorded_at > :since and e.recorded_at <= :until)
insert into held_counts (dimension, resolution, starts_at, team_id, key, {", ".join(COLUMNS)})
select dimension, resolution, starts_at, team_id, key, count(*), sum(seconds)
from stretches cross join lateral (values
  ('slot', date_bin('15 minutes', at, 'epoch')), ('day', date_trunc('day', at, :zone))
) as r (resolution, starts_at)
group by dimension, resolution, starts_at, team_id, key
on conflict (dimension, resolution, starts_at, team_id, key) do update set
{", ".join(f"{name} = held_counts.{name} + excluded.{name}" for name in COLUMNS)}
""")
