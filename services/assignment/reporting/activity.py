"""Activity and arrival reports: aggregates of the event log, plus recent events that are not aggregated yet."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select, text

from services.assignment.models import ActivityWatermark, Agent, Team, Topic
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import agent_ids, team_ids
from services.assignment.queries.periods import Period
from services.assignment.reporting.aggregation import COLUMNS, FACTS, SUMS, TYPES
from services.assignment.reporting.held_counting import NOBODY
from services.assignment.schemas.activity import (
    COUNTS,
    ActivityCounts,
    ActivityGroup,
    ActivityPoint,
    ActivityReport,
    ArrivalCell,
    ArrivalReport,
    BacklogGroup,
    Dimension,
    ReportInterval,
)
from shared.contracts.vocabulary import Permission, Priority
from shared.domain.permissions import reach
from shared.kit.db import Session
from shared.kit.http.problems import Problem

SLOT = timedelta(minutes=15)
MOST_POINTS = 2_000
LENGTHS = {
    ReportInterval.HOUR: timedelta(hours=1),
    ReportInterval.DAY: timedelta(days=1),
    ReportInterval.WEEK: timedelta(days=7),
    ReportInterval.MONTH: timedelta(days=30),
}
NOBODYS = {
    Dimension.TEAM: "No team",
    Dimension.AGENT: "Nobody assigned",
    Dimension.TOPIC: "No topic",
    Dimension.PRIORITY: "Not known",
    Dimension.CHANNEL: "Not known",
}
_FROM_LOG = f"""
select at, team_id, key, {SUMS} from ({FACTS} and d.dimension = :dimension and e.at >= :since and e.at < :until
  and (e.recorded_at > :counted_until or e.at < :slots_from or e.at >= :slots_to)) as young
group by at, team_id, key
"""
"""What is not in the aggregates: young events, and the quarter hours that the period's ends cut."""
_COLUMNS = ", ".join(COLUMNS)
_PIECES = f"""
pieces as (
  select starts_at as at, team_id, key, {_COLUMNS} from activity_counts
  where dimension = :dimension and resolution = 'day' and starts_at >= :days_from and starts_at < :days_to
  union all
  select starts_at, team_id, key, {_COLUMNS} from activity_counts
  where dimension = :dimension and resolution = 'slot' and starts_at >= :slots_from and starts_at < :days_from
  union all
  select starts_at, team_id, key, {_COLUMNS} from activity_counts
  where dimension = :dimension and resolution = 'slot' and starts_at >= :days_to and starts_at < :slots_to
  union all {_FROM_LOG}
), visible as (
  select * from pieces
  where (:sees_all or team_id = any(cast(:teams as uuid[])) or (:dimension = 'agent' and key = :own))
    and (:any_team or team_id = any(cast(:only_teams as uuid[])))
    and (:any_agent or key = any(cast(:only_agents as text[])))
)
"""
"""The quarter hours before whole days and after them are two ranges of the index; as one condition they are none."""
_SUMS = ", ".join(f"sum({name})::int as {name}" for name in COLUMNS)
_KEY = "case when :by_team then team_id::text else key end"
BY_KEY = text(f"with {_PIECES} select {_KEY} as key, {_SUMS} from visible group by 1")
BY_TIME = text(f"""
with {_PIECES}, counted as (select date_trunc(:step, at, :zone) as at, {_SUMS} from visible group by 1)
select step.at, {", ".join(f"coalesce(counted.{name}, 0) as {name}" for name in COLUMNS)}
from generate_series(
  date_trunc(:step, cast(:since as timestamptz), :zone), cast(:until as timestamptz) - interval '1 microsecond',
  cast('1 ' || :step as interval), :zone
) as step (at) left join counted on counted.at = step.at order by 1
""")
BY_HOUR_OF_WEEK = text(f"""
with {_PIECES} select extract(isodow from at at time zone :zone)::int as weekday,
  extract(hour from at at time zone :zone)::int as hour, sum(opened)::int as opened
from visible group by 1, 2 having sum(opened) > 0 order by 1, 2
""")


async def get_activity_report(
    session: Session, caller: Caller, period: Period, group_by: Dimension, interval: ReportInterval | None
) -> ActivityReport:
    """Counts per group, in total, for the previous period and per interval. Raises Problem 422."""
    if interval is not None and (period.until - period.since) / LENGTHS[interval] > MOST_POINTS:
        raise Problem(422, "invalid_input", f"the period has more than {MOST_POINTS} intervals; choose a longer one")
    question = await activity_question(session, caller, period, group_by)
    rows = (await session.execute(BY_KEY, question.values(period))).all()
    names = await group_names_of(session, group_by, {row.key for row in rows})
    groups = [_group(row, group_by, names) for row in rows if any(getattr(row, name) for name in COUNTS)]
    before = Period(period.since - (period.until - period.since), period.since, zone=period.zone, now=period.now)
    earlier = (await session.execute(BY_KEY, question.values(before))).all()
    return ActivityReport(
        from_=period.since,
        to=period.until,
        time_zone=period.zone,
        group_by=group_by,
        interval=interval,
        items=sorted(groups, key=lambda one: place_of(one, group_by)),
        total=_total(rows),
        previous_total=_total(earlier),
        series=await _series(session, question, period, interval),
    )


async def get_arrival_report(session: Session, caller: Caller, period: Period) -> ArrivalReport:
    """Opened tickets by weekday and hour."""
    question = await activity_question(session, caller, period, Dimension.TEAM)
    rows = await session.execute(BY_HOUR_OF_WEEK, question.values(period, in_slots=True))
    cells = [ArrivalCell(weekday=row.weekday, hour=row.hour, opened=row.opened) for row in rows]
    return ArrivalReport(
        from_=period.since,
        to=period.until,
        time_zone=period.zone,
        total=sum(cell.opened for cell in cells),
        items=cells,
    )


@dataclass(frozen=True, slots=True)
class ActivityQuestion:
    """The parsed request, narrowed to what the caller's `report.view` permission reaches."""

    dimension: Dimension
    by_team: bool
    scope: dict[str, Any]
    mark: ActivityWatermark | None

    def values(self, period: Period, *, in_slots: bool = False) -> dict[str, Any]:
        """Query parameters; `in_slots` selects quarter-hour aggregates where daily ones are too coarse."""
        since, until = period.since, period.until
        slots_from, slots_to = -(-since.timestamp() // SLOT.total_seconds()), until.timestamp() // SLOT.total_seconds()
        first, last = (datetime.fromtimestamp(n * SLOT.total_seconds(), UTC) for n in (slots_from, slots_to))
        if first >= last or self.mark is None:
            first = last = until
        days = (last, last)
        if not in_slots and self.mark is not None and self.mark.zone == period.zone:
            days = _whole_days(first, last, ZoneInfo(period.zone))
        counted_until = self.mark.recorded_until if self.mark else datetime(1970, 1, 1, tzinfo=UTC)
        return self.scope | {
            "dimension": self.dimension.value,
            "by_team": self.by_team,
            "types": TYPES,
            "zone": period.zone,
            "since": since,
            "until": until,
            "slots_from": first,
            "slots_to": last,
            "days_from": days[0],
            "days_to": days[1],
            "counted_until": counted_until,
        }


def _whole_days(first: datetime, last: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start of the first and end of the last whole day of the zone within the period; equal if there is none."""
    starts = [
        datetime.combine(at.astimezone(zone).date() + timedelta(days=more), time(), zone).astimezone(UTC)
        for at, more in ((first, 0), (first, 1), (last, 0))
    ]
    begins = starts[0] if starts[0] >= first else starts[1]
    return (begins, starts[2]) if begins < starts[2] else (last, last)


async def activity_question(session: Session, caller: Caller, period: Period, group_by: Dimension) -> ActivityQuestion:
    """Builds the request. Raises Problem 422 for `agent` with a dimension that has no counts per agent."""
    dimension, scope = await scope_of_activity(session, caller, period, group_by)
    return ActivityQuestion(dimension, group_by is Dimension.TEAM, scope, await session.get(ActivityWatermark, 1))


async def scope_of_activity(
    session: Session, caller: Caller, period: Period, group_by: Dimension
) -> tuple[Dimension, dict[str, Any]]:
    """The dimension to read, and the parameters of what the caller and the request reach. Raises Problem 422."""
    reached = reach(caller.principal, Permission.REPORT_VIEW)
    is_by_agent = bool(period.agent) or (reached.is_own and not reached.is_everything)
    if period.agent and group_by not in (Dimension.TEAM, Dimension.AGENT):
        raise Problem(422, "invalid_input", "with agent, group_by must be team or agent")
    dimension = Dimension.AGENT if is_by_agent and group_by is Dimension.TEAM else group_by
    scope = {
        "sees_all": reached.is_everything,
        "teams": list(reached.team_ids),
        "own": str(caller.agent_id) if reached.is_own else "-",
        "any_team": not period.team,
        "only_teams": list(await session.scalars(team_ids(period.team))) if period.team else [],
        "any_agent": not period.agent,
        "only_agents": [str(one) for one in await session.scalars(agent_ids(period.agent))] if period.agent else [],
    }
    return dimension, scope


async def _series(
    session: Session, question: ActivityQuestion, period: Period, interval: ReportInterval | None
) -> list[ActivityPoint]:
    if interval is None:
        return []
    values = question.values(period, in_slots=interval is ReportInterval.HOUR)
    rows = await session.execute(BY_TIME, values | {"step": interval.value})
    return [ActivityPoint(at=row.at, **_counts(row)) for row in rows]


def _counts(row: Row[Any]) -> dict[str, int]:
    return {name: getattr(row, name) for name in COUNTS}


def _total(rows: Any) -> ActivityCounts:
    return ActivityCounts(**{name: sum(getattr(row, name) for row in rows) for name in COUNTS})


def _group(row: Row[Any], group_by: Dimension, names: dict[str, str]) -> ActivityGroup:
    is_nobody = row.key in ("", NOBODY)
    name = NOBODYS[group_by] if is_nobody else names.get(row.key, "(removed)")
    return ActivityGroup(id=None if is_nobody else row.key, name=name, **_counts(row))


def place_of(one: ActivityGroup | BacklogGroup, group_by: Dimension) -> tuple[int, str]:
    """Sort key: priorities from the most urgent; other groups by name; unassigned last."""
    if group_by is Dimension.PRIORITY and one.id in set(Priority):
        return -Priority(one.id).rank, ""
    return int(one.id is None), one.name.casefold()


async def group_names_of(session: Session, group_by: Dimension, keys: set[str]) -> dict[str, str]:
    """What the groups are called; those that are gone are left out."""
    models: dict[Dimension, type[Team | Agent | Topic]] = {
        Dimension.TEAM: Team,
        Dimension.AGENT: Agent,
        Dimension.TOPIC: Topic,
    }
    if group_by not in models:
        return {key: key for key in keys}
    model = models[group_by]
    wanted = [UUID(key) for key in keys if key]
    rows = await session.execute(select(model.id, model.name).where(model.id.in_(wanted)))
    return {str(id_): name for id_, name in rows.tuples()}
