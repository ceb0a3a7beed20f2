"""Aggregates the event log into the counts that reports of activity and of time in a status read.

Events are aggregated once they are older than the longest possible transaction, so that none that commits late is
missed; reports read younger events from the log. Reports are exact at any moment, and recording events costs nothing
more.
"""

import asyncio
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from services.assignment.app_state import AppState
from services.assignment.models import ActivityCount, ActivityWatermark, HeldCount, LoggedEvent
from services.assignment.reporting.held_counting import COUNT_HELD, NOBODY
from shared.kit.clock import utc_now
from shared.kit.db import Database, Session

EVERY_SECONDS = 900.0
LAG = timedelta(minutes=5)
"""Longer than the longest transaction that records events; statements end after 30 s."""
AT_ONCE = timedelta(days=1)
MOST_AT_ONCE = 20_000
"""Rows counted in one statement, which must end in time."""
LOCK = 7_241_009
COUNTED = {
    "opened": "ticket.opened",
    "assigned": "ticket.assigned",
    "transferred": "ticket.transferred",
    "overdue": "ticket.sla_breached",
    "withdrawn": "ticket.sla_breach_withdrawn",
    "resolved": "ticket.resolved",
    "closed": "ticket.closed",
    "reopened": "ticket.reopened",
}
REPLY = "ticket.message_recorded"
DERIVED = {"replies": f"type = '{REPLY}'", "one_touch": "is_one_touch"}
"""What is counted by a condition on the facts."""
COLUMNS = (*COUNTED, *DERIVED)
TYPES = [*COUNTED.values(), REPLY]
_OURS = "('agent', 'program')"
_CONDITIONS = {name: f"type = '{kind}'" for name, kind in COUNTED.items()} | DERIVED
SUMS = ", ".join(f"count(*) filter (where {condition})::int as {name}" for name, condition in _CONDITIONS.items())


def facts_of(events: str = "events") -> str:
    """The query of each counted event once per dimension, with the team and agent the ticket had after it.

    A ticket is opened before it has a team: its opening counts for the team that triage gave it to, minutes later at
    most. `events` is the table, or a query of some of its rows in brackets.
    """
    return f"""
select e.ticket_id, e.at, e.type, coalesce(of.team, '{NOBODY}')::uuid as team_id, d.dimension, d.key,
  e.type = 'ticket.resolved' and coalesce((e.data -> 'snapshot' ->> 'reopen_count')::int, 0) = 0 and (
    select count(*) from events m where m.ticket_id = e.ticket_id and m.type = '{REPLY}' and m.seq < e.seq
      and m.data ->> 'author' in {_OURS}) <= 1 as is_one_touch
from {events} e left join tickets t on t.id = e.ticket_id
cross join lateral (select coalesce(
  e.data -> 'snapshot' ->> 'team_id',
  case when e.type = 'ticket.opened' then (
    select f.data -> 'snapshot' ->> 'team_id' from events f
    where f.ticket_id = e.ticket_id and f.type = 'ticket.triaged' order by f.seq limit 1
  ) end
) as team) as of
cross join lateral (values
  ('team', coalesce(of.team, '')),
  ('agent', coalesce(e.data -> 'snapshot' ->> 'assignee_id', '')),
  ('topic', coalesce(e.data -> 'snapshot' ->> 'topic_id', '')),
  ('priority', coalesce(e.data -> 'snapshot' ->> 'priority', '')),
  ('channel', coalesce(t.channel, ''))
) as d (dimension, key)
where e.type = any(cast(:types as text[])) and (e.type <> '{REPLY}' or e.data ->> 'author' in {_OURS})
"""


FACTS = facts_of()
SLOT = "date_bin('15 minutes', at, 'epoch')"
DAY = "date_trunc('day', at, :zone)"
COUNT_ANEW = text(f"""
with facts as ({FACTS} and e.recorded_at > :since and e.recorded_at <= :until)
insert into activity_counts (dimension, resolution, starts_at, team_id, key, {", ".join(COLUMNS)})
select dimension, resolution, starts_at, team_id, key, {SUMS}
from facts cross join lateral (values ('slot', {SLOT}), ('day', {DAY})) as r (resolution, starts_at)
group by dimension, resolution, starts_at, team_id, key
on conflict (dimension, resolution, starts_at, team_id, key) do update set
{", ".join(f"{name} = activity_counts.{name} + excluded.{name}" for name in COLUMNS)}
""")
LOCK_ALONE = text(f"select pg_advisory_xact_lock({LOCK})")


async def keep_activity_counted(context: AppState) -> None:
    """Aggregates periodically until cancelled. Any number of processes may run it."""
    while True:
        await count_events(context.database, context.settings.time_zone, utc_now() - LAG)
        await asyncio.sleep(EVERY_SECONDS)


async def count_events(database: Database, zone: str, until: datetime) -> None:
    """Aggregates all events recorded up to `until`, some per transaction; days are those of `zone`."""
    while await _count_some(database, zone, until):
        pass


async def _count_some(database: Database, zone: str, until: datetime) -> bool:
    """Advances the watermark by at most a day, and not by many events. Returns False once it is up to date."""
    async with database.begin() as session:
        await session.execute(LOCK_ALONE)
        mark = await _watermark(session, zone)
        step = await next_step(session, LoggedEvent.recorded_at, mark.recorded_until, until)
        if step <= mark.recorded_until:
            return False
        values = {"types": TYPES, "since": mark.recorded_until, "until": step, "zone": mark.zone}
        await session.execute(COUNT_ANEW, values)
        await session.execute(COUNT_HELD, {name: one for name, one in values.items() if name != "types"})
        mark.recorded_until = step
        return step < until


async def next_step(
    session: Session, recorded_at: InstrumentedAttribute[datetime], since: datetime, until: datetime
) -> datetime:
    """How far to count at once: a day at most, less where more was recorded, as when a past is imported.

    What was recorded at the same instant is never parted.
    """
    within = min(since + AT_ONCE, until)
    later = select(recorded_at).where(recorded_at > since, recorded_at <= within).order_by(recorded_at)
    full: datetime | None = await session.scalar(later.offset(MOST_AT_ONCE).limit(1))
    return within if full is None else full


async def _watermark(session: Session, zone: str) -> ActivityWatermark:
    """Locks the watermark row; resets the aggregates at the first run and when the time zone has changed."""
    mark = await session.get(ActivityWatermark, 1)
    if mark is not None and mark.zone == zone:
        return mark
    for counts in (ActivityCount, HeldCount):
        await session.execute(delete(counts))
    first = await session.scalar(select(func.min(LoggedEvent.recorded_at)))
    since = (first or utc_now() - LAG) - timedelta(microseconds=1)
    again = {"recorded_until": since, "zone": zone}
    kept = insert(ActivityWatermark).values(id=1, **again)
    await session.execute(kept.on_conflict_do_update(index_elements=["id"], set_=again))
    return await session.get_one(ActivityWatermark, 1, populate_existing=True)
