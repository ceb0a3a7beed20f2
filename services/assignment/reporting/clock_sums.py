"""Reads the counts of verdicts for a long period, and adds what they lack: running clocks, edges, young verdicts."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import (
    CTE,
    ColumnElement,
    Double,
    Row,
    Select,
    TextClause,
    and_,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    text,
    union,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from services.assignment.models import ClockWatermark, SettledClock
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import team_ids
from services.assignment.queries.periods import Period
from services.assignment.queries.running_clocks import OVERDUE, RUNNING, running_clocks
from services.assignment.reporting.clock_counting import LENGTHS, day_start, next_day
from services.assignment.reporting.duration_buckets import FINE, added_up
from services.assignment.reporting.settled_clocks import final_verdicts, group_key, scope_of, wall_seconds
from services.assignment.schemas.reports import GroupBy
from shared.contracts.vocabulary import Outcome, Permission
from shared.domain.permissions import reach
from shared.kit.db import Session
from shared.kit.http.problems import unavailable

MOST_READ: Final = 20_000
"""Verdicts that a report reads one by one; of more it reads the counts."""
MOST_TRIES: Final = 3
SLOT: Final = timedelta(minutes=15)
_SCOPE: Final = """
  (:sees_all or team_id = any(cast(:teams as uuid[]))) and (:any_team or team_id = any(cast(:only_teams as uuid[])))
"""
Measures = tuple[str, ...]
BUSINESS: Final[Measures] = ("business",)
BUSINESS_AND_WALL: Final[Measures] = ("business", "wall")
"""What is measured: open time alone, or the time by the clock too, which costs a report as much again."""
_MEASURED: Final = """
  {0}_seconds, {0}_histogram,
  case when {0}_histogram is null then {0}_buckets end as {0}_buckets,
  case when {0}_histogram is null then {0}_counts end as {0}_counts"""
_COUNTED: Final = f"""
select nullif(key, '') as key, metric, met, breached, cancelled, {{columns}}
from clock_counts where dimension = :dimension and {_SCOPE}
  and (resolution, starts_at) in (
    select * from unnest(cast(:resolutions as text[]), cast(:starts as timestamptz[])))
"""
COUNTED: Final[dict[Measures, TextClause]] = {
    measures: text(_COUNTED.format(columns=", ".join(_MEASURED.format(one) for one in measures)))
    for measures in (BUSINESS, BUSINESS_AND_WALL)
}
_STEPS: Final = "select * from clock_counts where dimension = 'all' and resolution = "
COUNTED_STEPS: Final = text(f"""
select date_trunc(:step, starts_at, :zone) as at, metric, sum(met)::int as met, sum(breached)::int as breached,
  sum(cancelled)::int as cancelled
from (
  {_STEPS} 'day' and starts_at >= :days_from and starts_at < :days_to
  union all {_STEPS} 'slot' and starts_at >= :slots_from and starts_at < :days_from
  union all {_STEPS} 'slot' and starts_at >= :days_to and starts_at < :slots_to
) as counted where {_SCOPE} group by 1, 2
""")
"""Whole days, and the quarter hours before and after them."""


@dataclass
class ClockSums:
    """What is counted of one metric in one group."""

    met: int = 0
    breached: int = 0
    """Settled ones; those that still run are in `breached_running`."""
    cancelled: int = 0
    breached_running: int = 0
    overdue_now: int = 0
    running_in_time: int = 0
    business_seconds: float = 0
    wall_seconds: float = 0
    business: Counter[int] = field(default_factory=Counter)
    wall: Counter[int] = field(default_factory=Counter)

    @property
    def judged(self) -> int:
        """How many were met or breached and have stopped."""
        return self.met + self.breached

    def add(self, other: "ClockSums") -> None:
        """Adds what is counted elsewhere."""
        for name in _SUMMED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.business.update(other.business)
        self.wall.update(other.wall)


_SUMMED: Final = (
    *("met", "breached", "cancelled", "breached_running", "overdue_now", "running_in_time"),
    *("business_seconds", "wall_seconds"),
)
Key = tuple[str | None, str]
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class CountedUntil:
    """The watermark that a report is made with."""

    recorded_until: datetime
    zone: str


async def find_counts(session: Session, caller: Caller, period: Period) -> CountedUntil | None:
    """The watermark, if a report of the period has to be made from the counts: too many verdicts to read them all.

    None too where the counts cannot answer: of one agent, of the past, and while they are made for the first time.
    """
    reached = reach(caller.principal, Permission.REPORT_VIEW)
    if period.as_of is not None or period.agent or (reached.is_own and not reached.is_everything):
        return None
    many = select(literal(1)).where(period.holds(SettledClock.settled_at.expression)).limit(MOST_READ + 1).subquery()
    if (await session.scalar(select(func.count()).select_from(many)) or 0) <= MOST_READ:
        return None
    return await _counted_until(session)


async def consistently(
    session: Session, counted: CountedUntil, make: Callable[[CountedUntil], Awaitable[Made]]
) -> Made:
    """Makes a report again if counting went on while it was made: its parts must be of one watermark."""
    for _ in range(MOST_TRIES):
        made = await make(counted)
        latest = await _counted_until(session)
        if latest is None or latest == counted:
            return made
        counted = latest
    raise unavailable("the counts change all the time; try again", retry_after=5)


async def _counted_until(session: Session) -> CountedUntil | None:
    mark = ClockWatermark
    query = select(mark.recorded_until, mark.zone).where(mark.id == 1, mark.built_until.is_(None))
    row = (await session.execute(query)).one_or_none()
    return None if row is None else CountedUntil(row.recorded_until, row.zone)


async def sum_clocks(
    session: Session,
    caller: Caller,
    period: Period,
    mark: CountedUntil,
    group_by: GroupBy | None,
    measures: Measures = BUSINESS_AND_WALL,
) -> dict[Key, ClockSums]:
    """The sums per group and metric; one group, None, without `group_by`."""
    inner = whole_days(period, ZoneInfo(mark.zone))
    cover = _cover(*inner, mark)
    dimension = group_by.value if group_by else "all"
    values = {"dimension": dimension, "resolutions": [one for one, _ in cover], "starts": [at for _, at in cover]}
    connection = await session.connection()
    counted = await connection.execute(COUNTED[measures], values | await _scope(session, caller, period))
    sums = _summed(counted.all(), measures)
    entries = _entries(caller, period, mark, inner, group_by, measures)
    for row in await session.execute(_others(entries, period, measures)):
        _add(sums.setdefault((row.key, row.metric), ClockSums()), row, measures)
    return {key: one for key, one in sums.items() if any((one.judged, one.cancelled, one.overdue_now)) or _runs(one)}


def total_of(sums: Mapping[Key, ClockSums]) -> dict[Key, ClockSums]:
    """The sums of all groups together: every clock is in one of them."""
    total: dict[Key, ClockSums] = {}
    for (_, metric), one in sums.items():
        total.setdefault((None, metric), ClockSums()).add(one)
    return total


def _summed(rows: Sequence[Row[*tuple[Any, ...]]], measures: Measures) -> dict[Key, ClockSums]:
    """Rows of `COUNTED`, of which a year has thousands with hundreds of buckets each: bytes are added as numbers."""
    sums: dict[Key, ClockSums] = {}
    tallies: dict[Key, list[tuple[list[bytes], list[int]]]] = {}
    for key_of, metric, met, breached, cancelled, *measured in rows:
        key: Key = (key_of, metric)
        one = sums.get(key)
        if one is None:
            one = sums[key] = ClockSums()
            tallies[key] = [([], [0] * (len(FINE) + 1)) for _ in measures]
        one.met += met
        one.breached += breached
        one.cancelled += cancelled
        for place, (measure, (dense, tally)) in enumerate(zip(measures, tallies[key], strict=True)):
            seconds, histogram, buckets, counts = measured[4 * place : 4 * place + 4]
            setattr(one, f"{measure}_seconds", getattr(one, f"{measure}_seconds") + seconds)
            if histogram is not None:
                dense.append(histogram)
            for bucket, count in zip(buckets or (), counts or (), strict=True):
                tally[bucket] += count
    for key, of_key in tallies.items():
        for measure, (dense, tally) in zip(measures, of_key, strict=True):
            counted = added_up(dense)
            counted.update({bucket: count for bucket, count in enumerate(tally) if count})
            setattr(sums[key], measure, counted)
    return sums


async def step_clocks(
    session: Session, caller: Caller, period: Period, mark: CountedUntil, step: str
) -> dict[tuple[datetime, str], ClockSums]:
    """The counts per interval of the reader's zone and metric, without times."""
    slots = whole_slots(period)
    days = whole_days(period, ZoneInfo(mark.zone)) if mark.zone == period.zone and step != "hour" else slots[1:] * 2
    values = {"step": step, "zone": period.zone, "slots_from": slots[0], "slots_to": slots[1]}
    values |= {"days_from": min(days[0], slots[1]), "days_to": min(days[1], slots[1])}
    values |= await _scope(session, caller, period)
    sums: dict[tuple[datetime, str], ClockSums] = {}
    for row in await session.execute(COUNTED_STEPS, values):
        sums[row.at, row.metric] = ClockSums(row.met, row.breached, row.cancelled)
    entries = _entries(caller, period, mark, slots, None, BUSINESS)
    for row in await session.execute(_others(entries, period, step=step)):
        _add(sums.setdefault((row.step, row.metric), ClockSums()), row)
    return sums


def whole_days(period: Period, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The part of the period that whole days of a zone make; empty at its end if there is none."""
    since, until = next_day(period.since - timedelta(microseconds=1), zone), day_start(period.until, zone)
    return (since, until) if since < until else (period.until, period.until)


def whole_slots(period: Period) -> tuple[datetime, datetime]:
    """The part of the period that whole quarter hours make; empty at its end if there is none."""
    length = SLOT.total_seconds()
    first, last = -(-period.since.timestamp() // length), period.until.timestamp() // length
    if first >= last:
        return period.until, period.until
    return datetime.fromtimestamp(first * length, UTC), datetime.fromtimestamp(last * length, UTC)


def _cover(since: datetime, until: datetime, mark: CountedUntil) -> list[tuple[str, datetime]]:
    """The longest spans that are counted as a whole, and the days between them: what each is called, and its start."""
    zone, found = ZoneInfo(mark.zone), []
    while since < until:
        resolution, after = "day", next_day(since, zone)
        for length in reversed(LENGTHS):
            end = length.next(since, zone)
            if length.start(since, zone) == since and end <= min(until, length.start(mark.recorded_until, zone)):
                resolution, after = length.resolution, end
                break
        found.append((resolution, since))
        since = after
    return found


async def _scope(session: Session, caller: Caller, period: Period) -> dict[str, Any]:
    reached = reach(caller.principal, Permission.REPORT_VIEW)
    return {
        "sees_all": reached.is_everything,
        "teams": list(reached.team_ids),
        "any_team": not period.team,
        "only_teams": list(await session.scalars(team_ids(period.team))) if period.team else [],
    }


def _entries(
    caller: Caller,
    period: Period,
    mark: CountedUntil,
    inner: tuple[datetime, datetime],
    group_by: GroupBy | None,
    measures: Measures,
) -> CTE:
    """What the counts lack, with weight 1, and what they hold and should not any more, with weight -1."""
    running, verdict, newer = running_clocks(period.now), SettledClock, aliased(SettledClock)
    young = select(verdict.ticket_id, verdict.metric, verdict.cycle).where(verdict.recorded_at > mark.recorded_until)
    young_clocks = young.distinct().cte("young").prefix_with("materialized")
    again = select(running.c.ticket_id, running.c.metric, running.c.cycle)
    changed = union(select(young_clocks), again).cte("changed")
    within = replace(period, since=inner[0], until=inner[1])
    edges = [replace(period, until=inner[0]), replace(period, since=inner[1])]
    table = verdict.__table__

    def of(clocks: CTE) -> Any:
        return and_(*(clocks.c[name] == table.c[name] for name in ("ticket_id", "metric", "cycle")))

    def looked_up(clocks: CTE) -> ColumnElement[bool]:
        """By the index: joined, every verdict there ever was would be read."""
        return table.c.ticket_id == func.any(func.array(select(clocks.c.ticket_id).scalar_subquery()))

    def line(weight: int) -> Select[Any]:
        return _line(table, group_by, weight, measures)

    newest_counted = ~exists(
        select(newer.revision)
        .where(*(getattr(newer, name) == table.c[name] for name in ("ticket_id", "metric", "cycle")))
        .where(newer.revision > table.c.revision, newer.recorded_at <= mark.recorded_until)
    )
    counted = [table.c.recorded_at <= mark.recorded_until, within.holds(table.c.settled_at), newest_counted]
    parts = [
        *(line(1).where(*final_verdicts(running, edge)) for edge in edges if edge.since < edge.until),
        line(1)
        .select_from(table.join(young_clocks, of(young_clocks)))
        .where(looked_up(young_clocks), *final_verdicts(running, within)),
        line(-1).select_from(table.join(changed, of(changed))).where(looked_up(changed), *counted),
    ]
    scoped = [part.where(*scope_of(table.c.team_id, table.c.agent_id, caller, period)) for part in parts]
    running_line = select(
        (group_key(running, group_by) if group_by else null()).label("key"),
        running.c.metric,
        running.c.outcome,
        running.c.at,
        literal(1).label("weight"),
        cast(null(), Double).label("business"),
        cast(null(), Double).label("wall"),
    ).where(
        or_(running.c.outcome == OVERDUE, period.holds(running.c.at)),
        *scope_of(running.c.team_id, running.c.agent_id, caller, period),
    )
    return union_all(*scoped, running_line).cte("entries")


def _line(table: Any, group_by: GroupBy | None, weight: int, measures: Measures) -> Select[Any]:
    return select(
        (group_key(table, group_by) if group_by else null()).label("key"),
        table.c.metric,
        table.c.outcome,
        table.c.settled_at.label("at"),
        literal(weight).label("weight"),
        cast(table.c.elapsed_seconds, Double).label("business"),
        cast(wall_seconds() if "wall" in measures else null(), Double).label("wall"),
    )


def _others(entries: CTE, period: Period, measures: Measures = (), step: str | None = None) -> Select[Any]:
    """What `_entries` says per kind, with the buckets of all durations in lists: of a day there are thousands."""
    bounds = cast(list(FINE), ARRAY(Double))
    at = func.date_trunc(literal(step), entries.c.at, literal(period.zone)) if step else null()
    measured = select(entries, at.label("step"), period.holds(entries.c.at).label("is_inside"))
    lines = (measured.where(period.holds(entries.c.at)) if step else measured).cte("lines")
    kinds = [lines.c[name] for name in ("key", "metric", "step", "outcome", "is_inside")]
    query = select(*kinds, func.sum(lines.c.weight).label("n")).group_by(*kinds)
    for measure in () if step else measures:
        bucket = func.width_bucket(lines.c[measure], bounds)
        query = query.add_columns(
            func.sum(lines.c[measure] * lines.c.weight).label(f"{measure}_sum"),
            func.array_agg(bucket).filter(lines.c.weight > 0).label(f"{measure}_added"),
            func.array_agg(bucket).filter(lines.c.weight < 0).label(f"{measure}_taken"),
        )
    return query


def _add(one: ClockSums, row: Any, measures: Measures = ()) -> None:
    if row.outcome == OVERDUE:
        one.overdue_now += row.n
        one.breached_running += row.n if row.is_inside else 0
    elif row.outcome == RUNNING:
        one.running_in_time += row.n
    elif row.outcome == Outcome.CANCELLED.value:
        one.cancelled += row.n
    else:
        setattr(one, row.outcome, getattr(one, row.outcome) + row.n)
        values = row._mapping
        for measure in measures:
            setattr(one, f"{measure}_seconds", getattr(one, f"{measure}_seconds") + (values[f"{measure}_sum"] or 0))
            tally: Counter[int] = getattr(one, measure)
            tally.update(values[f"{measure}_added"] or ())
            tally.subtract(values[f"{measure}_taken"] or ())


def _runs(one: ClockSums) -> bool:
    return bool(one.running_in_time or one.breached_running)
