"""Counts verdicts per quarter hour, day, week, month and quarter, for SLA and time reports over long periods.

The counts hold, of each clock, the newest verdict that was recorded up to the watermark. A day whose verdicts changed
is counted anew. Reports add what was recorded since, so they are exact at any moment.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select, text

from services.assignment.app_state import AppState
from services.assignment.models import ClockCount, ClockWatermark, SettledClock
from services.assignment.reporting.aggregation import EVERY_SECONDS, LAG, next_step
from services.assignment.reporting.duration_buckets import DENSE, FINE
from services.assignment.reporting.held_counting import NOBODY
from shared.kit.clock import utc_now
from shared.kit.db import Session

LOCK: Final = text("select pg_advisory_xact_lock(7241010)")
MOST_DAYS: Final = 62
"""If verdicts of more days changed, all are counted anew from the first of them on."""
LAST_DAY: Final = datetime.max.replace(tzinfo=UTC)
BUILD_SECONDS: Final = 2.0
"""A transaction of the first count begins no further day after so long: each is one statement over a day's verdicts."""
_BOUNDS: Final = f"'{{{','.join(str(bound) for bound in FINE)}}}'::double precision[]"
_DIMENSIONS: Final = """(values
  ('all', ''), ('team', coalesce(v.team_id::text, '')), ('agent', coalesce(v.agent_id::text, '')),
  ('topic', coalesce(t.topic_id::text, '')), ('priority', v.priority), ('channel', coalesce(t.channel, '')),
  ('organisation', coalesce(r.evidence ->> 'organisation_id', ''))
) as d (dimension, key)"""
_HISTOGRAMS: Final = ", ".join(
    f"""case when cardinality({measure}_buckets) >= {DENSE} then (
    select string_agg(int4send(coalesce(filled.n, 0)), ''::bytea order by every.bucket)
    from generate_series(0, {len(FINE)}) as every (bucket)
    left join unnest({measure}_buckets, {measure}_counts) as filled (bucket, n) on filled.bucket = every.bucket) end"""
    for measure in ("business", "wall")
)
_COUNT: Final = """
with facts as materialized (
  select {start} as starts_at, d.dimension, coalesce(v.team_id, '{nobody}'::uuid) as team_id, d.key, v.metric,
    v.outcome, v.elapsed_seconds as business, coalesce(greatest(extract(epoch from v.settled_at - coalesce(v.started_at,
      case when v.cycle = 1 and v.metric <> 'next_response' then t.created_at end)), 0), v.elapsed_seconds) as wall
  from verdicts v
  left join lateral (select topic_id, channel, created_at from tickets where id = v.ticket_id offset 0) as t on true
  left join lateral (select evidence from routing_decisions where ticket_id = v.ticket_id offset 0) as r on true
  cross join lateral {dimensions}
  where v.settled_at >= :since and v.settled_at < :until and v.recorded_at <= :recorded_until {only}
    and not exists (
      select 1 from verdicts n where n.ticket_id = v.ticket_id and n.metric = v.metric and n.cycle = v.cycle
        and n.revision > v.revision and n.revision > 1 and n.recorded_at <= :recorded_until offset 0)
), sums as (
  select starts_at, dimension, team_id, key, metric, count(*) filter (where outcome = 'met') as met,
    count(*) filter (where outcome = 'breached') as breached,
    count(*) filter (where outcome = 'cancelled') as cancelled,
    coalesce(sum(business) filter (where outcome <> 'cancelled'), 0) as business_seconds,
    coalesce(sum(wall) filter (where outcome <> 'cancelled'), 0) as wall_seconds
  from facts group by 1, 2, 3, 4, 5
), placed as (
  select starts_at, dimension, team_id, key, metric, m.measure, width_bucket(m.seconds, {bounds})::smallint as bucket,
    count(*)::int as n
  from facts
  cross join lateral (values ('business', business), ('wall', wall::double precision)) as m (measure, seconds)
  where outcome <> 'cancelled' {never} group by 1, 2, 3, 4, 5, 6, 7
), arrays as (
  select starts_at, dimension, team_id, key, metric,
    array_agg(bucket order by bucket) filter (where measure = 'business') as business_buckets,
    array_agg(n order by bucket) filter (where measure = 'business') as business_counts,
    array_agg(bucket order by bucket) filter (where measure = 'wall') as wall_buckets,
    array_agg(n order by bucket) filter (where measure = 'wall') as wall_counts
  from placed group by 1, 2, 3, 4, 5
)
insert into clock_counts (dimension, resolution, starts_at, team_id, key, metric, met, breached, cancelled,
  business_seconds, wall_seconds, business_buckets, business_counts, wall_buckets, wall_counts, business_histogram,
  wall_histogram)
select dimension, '{resolution}', starts_at, team_id, key, metric, met, breached, cancelled, business_seconds,
  wall_seconds, business_buckets, business_counts, wall_buckets, wall_counts, {histograms}
from sums left join arrays using (starts_at, dimension, team_id, key, metric)
"""
"""Tickets and decisions are looked up for each verdict: joined, all there ever were might be read for a day."""
_STARTS: Final = {
    "slot": "date_bin('15 minutes', v.settled_at, 'epoch')",
    "day": "date_trunc('day', v.settled_at, :zone)",
}
COUNT: Final = {
    resolution: text(
        _COUNT.format(
            start=start,
            resolution=resolution,
            nobody=NOBODY,
            bounds=_BOUNDS,
            histograms=_HISTOGRAMS,
            dimensions=_DIMENSIONS,
            only="and d.dimension = 'all'" if resolution == "slot" else "",
            never="and false" if resolution == "slot" else "",
        )
    )
    for resolution, start in _STARTS.items()
}
SUM_UP: Final = text(f"""
with days as materialized (
  select dimension, team_id, key, metric, met, breached, cancelled, business_seconds, wall_seconds, business_buckets,
    business_counts, wall_buckets, wall_counts
  from clock_counts where resolution = :finer and starts_at >= :since and starts_at < :until
), sums as (
  select dimension, team_id, key, metric, sum(met) as met, sum(breached) as breached, sum(cancelled) as cancelled,
    sum(business_seconds) as business_seconds, sum(wall_seconds) as wall_seconds
  from days group by 1, 2, 3, 4
), placed as (
  select dimension, team_id, key, metric, m.measure, m.bucket, sum(m.n)::int as n
  from days
  cross join lateral (
    select 'business', b.* from unnest(business_buckets, business_counts) as b
    union all select 'wall', w.* from unnest(wall_buckets, wall_counts) as w
  ) as m (measure, bucket, n)
  group by 1, 2, 3, 4, 5, 6
), arrays as (
  select dimension, team_id, key, metric,
    array_agg(bucket order by bucket) filter (where measure = 'business') as business_buckets,
    array_agg(n order by bucket) filter (where measure = 'business') as business_counts,
    array_agg(bucket order by bucket) filter (where measure = 'wall') as wall_buckets,
    array_agg(n order by bucket) filter (where measure = 'wall') as wall_counts
  from placed group by 1, 2, 3, 4
)
insert into clock_counts (dimension, resolution, starts_at, team_id, key, metric, met, breached, cancelled,
  business_seconds, wall_seconds, business_buckets, business_counts, wall_buckets, wall_counts, business_histogram,
  wall_histogram)
select dimension, :resolution, :since, team_id, key, metric, met, breached, cancelled, business_seconds, wall_seconds,
  business_buckets, business_counts, wall_buckets, wall_counts, {_HISTOGRAMS}
from sums left join arrays using (dimension, team_id, key, metric)
""")
CHANGED_DAYS: Final = text("""
select distinct date_trunc('day', old.settled_at, :zone) as day
from verdicts new
join verdicts old on old.ticket_id = new.ticket_id and old.metric = new.metric and old.cycle = new.cycle
where new.recorded_at > :since and new.recorded_at <= :until order by 1
""")


async def keep_clocks_counted(context: AppState) -> None:
    """Counts periodically until cancelled. Any number of processes may run it."""
    while True:
        await count_clocks(context, utc_now())
        await asyncio.sleep(EVERY_SECONDS)


async def count_clocks(context: AppState, now: datetime, lag: timedelta = LAG) -> None:
    """Counts all verdicts recorded before `now - lag`, in transactions of some days of verdicts."""
    while await _count_some(context, now - lag):
        pass


async def _count_some(context: AppState, until: datetime) -> bool:
    """One step. Returns False once the counts are up to date."""
    async with context.database.begin() as session:
        await session.execute(LOCK)
        mark = await _watermark(session, context.settings.time_zone, until)
        if mark is None:
            return False
        zone = ZoneInfo(mark.zone)
        if mark.built_until is not None:
            return await _build(session, mark, zone)
        step = await next_step(session, SettledClock.recorded_at, mark.recorded_until, until)
        if step <= mark.recorded_until:
            return False
        values = {"zone": mark.zone, "since": mark.recorded_until, "until": step}
        days = (await session.scalars(CHANGED_DAYS, values)).all()
        before, mark.recorded_until = mark.recorded_until, step
        if len(days) > MOST_DAYS:
            mark.built_until = month_start(days[0], zone)
            return True
        for day in days:
            await _recount(session, mark, day, next_day(day, zone))
        for length in LENGTHS:
            finished = length.start(step, zone)
            spans = {length.start(day, zone) for day in days}
            spans |= set(_between(length, length.start(before, zone), finished, zone))
            for start in sorted(one for one in spans if one < finished):
                await _sum_up(session, length, start, zone)
        return step < until


async def _build(session: Session, mark: ClockWatermark, zone: ZoneInfo) -> bool:
    """Counts the next days for the first time, as many as take a moment: to the end of the last one's quarter."""
    day, begun = mark.built_until, time.monotonic()
    last = await session.scalar(select(func.max(SettledClock.settled_at)))
    whole = min(LENGTHS[-1].next(quarter_start(last, zone), zone), mark.recorded_until) if last is not None else None
    end = max(last, whole) if last is not None and whole is not None else day
    filled = day and await _next_filled(session, day, zone)
    while day is not None and end is not None and day < end and time.monotonic() - begun < BUILD_SECONDS:
        after = next_day(day, zone)
        if day == filled:
            await _recount(session, mark, day, after)
            filled = await _next_filled(session, after, zone)
        for length in LENGTHS:
            start = length.start(day, zone)
            if after == length.next(start, zone) and after <= length.start(mark.recorded_until, zone):
                await _sum_up(session, length, start, zone)
        day = after
    mark.built_until = day if day is not None and end is not None and day < end else None
    return True


async def _next_filled(session: Session, day: datetime, zone: ZoneInfo) -> datetime | None:
    """The first day from this one on with a verdict; those before it hold no counts then.

    A past that was imported can have years between two verdicts, and to count nothing takes as long as to count.
    """
    settled_at = await session.scalar(select(func.min(SettledClock.settled_at)).where(SettledClock.settled_at >= day))
    filled = None if settled_at is None else day_start(settled_at, zone)
    for resolution in COUNT if filled != day else ():
        await _forget(session, resolution, day, filled or LAST_DAY)
    return filled


async def _recount(session: Session, mark: ClockWatermark, since: datetime, until: datetime) -> None:
    """Quarter hours and days of this time."""
    values = {"zone": mark.zone, "since": since, "until": until, "recorded_until": mark.recorded_until}
    for resolution, statement in COUNT.items():
        await _forget(session, resolution, since, until)
        unused = {"zone"} if resolution == "slot" else set()
        await session.execute(statement, {key: one for key, one in values.items() if key not in unused})


async def _sum_up(session: Session, length: "ClockSpan", since: datetime, zone: ZoneInfo) -> None:
    """A week, month or quarter, from its days or months."""
    until = length.next(since, zone)
    await _forget(session, length.resolution, since, until)
    values = {"resolution": length.resolution, "finer": length.finer, "since": since, "until": until}
    await session.execute(SUM_UP, values)


async def _forget(session: Session, resolution: str, since: datetime, until: datetime) -> None:
    held = ClockCount.starts_at >= since, ClockCount.starts_at < until, ClockCount.resolution == resolution
    await session.execute(delete(ClockCount).where(*held))


async def _watermark(session: Session, zone: str, until: datetime) -> ClockWatermark | None:
    """The locked watermark; begins anew at the first run and when the zone has changed. None without any verdict."""
    mark = await session.get(ClockWatermark, 1)
    if mark is not None and mark.zone == zone:
        return mark
    first = await session.scalar(select(func.min(SettledClock.settled_at)))
    if first is None:
        return None
    await session.execute(delete(ClockCount))
    if mark is not None:
        await session.delete(mark)
        await session.flush()
    here = ZoneInfo(zone)
    mark = ClockWatermark(
        id=1,
        zone=zone,
        recorded_until=until,
        built_until=month_start(first, here),
    )
    session.add(mark)
    await session.flush()
    return mark


def day_start(at: datetime, zone: ZoneInfo) -> datetime:
    """Where the day of the zone that holds an instant begins."""
    return datetime.combine(at.astimezone(zone).date(), time_of_day(), zone).astimezone(UTC)


def month_start(at: datetime, zone: ZoneInfo) -> datetime:
    """Where the month of the zone that holds an instant begins."""
    return datetime.combine(at.astimezone(zone).date().replace(day=1), time_of_day(), zone).astimezone(UTC)


def next_day(day: datetime, zone: ZoneInfo) -> datetime:
    """Where the day after the one that begins at `day` begins."""
    return datetime.combine(day.astimezone(zone).date() + timedelta(days=1), time_of_day(), zone).astimezone(UTC)


def week_start(at: datetime, zone: ZoneInfo) -> datetime:
    """Where the week of the zone that holds an instant begins: on Monday."""
    local = at.astimezone(zone).date()
    return datetime.combine(local - timedelta(days=local.weekday()), time_of_day(), zone).astimezone(UTC)


def quarter_start(at: datetime, zone: ZoneInfo) -> datetime:
    """Where the quarter of a year that holds an instant begins."""
    local = at.astimezone(zone).date()
    first = local.replace(day=1, month=local.month - (local.month - 1) % 3)
    return datetime.combine(first, time_of_day(), zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class ClockSpan:
    """A span of time that is counted as a whole once it is over: a report of a year reads few of them."""

    resolution: str
    finer: str
    """What it is added up from."""
    longest: timedelta
    start: Callable[[datetime, ZoneInfo], datetime]
    """Where the one that holds an instant begins."""

    def next(self, start: datetime, zone: ZoneInfo) -> datetime:
        """Where the one after that which begins at `start` begins."""
        return self.start(start + self.longest + timedelta(days=1), zone)


LENGTHS: Final = (
    ClockSpan("week", "day", timedelta(days=7), week_start),
    ClockSpan("month", "day", timedelta(days=31), month_start),
    ClockSpan("quarter", "month", timedelta(days=92), quarter_start),
)
"""Each is added up from what stands before it."""


def _between(length: ClockSpan, since: datetime, until: datetime, zone: ZoneInfo) -> list[datetime]:
    """The beginnings of the spans from `since`, where one begins, until before `until`."""
    found = []
    while since < until:
        found.append(since)
        since = length.next(since, zone)
    return found
