"""Report of how the backlog and its age developed, from the counts of days."""

from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import text

from services.assignment.models import BacklogWatermark
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import team_ids
from services.assignment.queries.periods import Period
from services.assignment.reporting.activity import NOBODYS, group_names_of
from services.assignment.reporting.backlog_counting import FIGURES
from services.assignment.reporting.clock_counting import next_day
from services.assignment.schemas.activity import Dimension, ReportInterval
from services.assignment.schemas.backlog_history import (
    BacklogFigures,
    BacklogHistory,
    BacklogPoint,
    BacklogPointOfGroup,
)
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import reach
from shared.kit.db import Session
from shared.kit.http.problems import Problem

MOST_POINTS: Final = 400
_COUNTED: Final = ("open", *FIGURES)
_SUMS: Final = ", ".join(f"sum({name})::int as {name}" for name in _COUNTED)
HISTORY: Final = text(f"""
select at, key, {_SUMS}, min(oldest_opened_at) as oldest_opened_at
from backlog_counts
where dimension = :dimension and at = any(cast(:points as timestamptz[]))
  and (:sees_all or team_id = any(cast(:teams as uuid[])) or (:dimension = 'agent' and key = :own))
  and (:any_team or team_id = any(cast(:only_teams as uuid[])))
group by at, key order by at
""")


async def get_backlog_history(
    session: Session, caller: Caller, period: Period, group_by: Dimension, interval: ReportInterval | None
) -> BacklogHistory:
    """The backlog at the ends of days in the period, per group and together. Raises Problem 422 for too many.

    The days are those of the installation's zone, whatever zone the period is of: each point has its instant.
    """
    step = interval if interval not in (None, ReportInterval.HOUR) else ReportInterval.DAY
    reached = reach(caller.principal, Permission.REPORT_VIEW)
    is_of_own_only = reached.is_own and not reached.is_everything and not reached.team_ids
    by = Dimension.AGENT if is_of_own_only else group_by
    mark = await session.get(BacklogWatermark, 1)
    points = _ends(period, step, mark) if mark is not None else []
    values: dict[str, Any] = {
        "dimension": by.value,
        "points": points,
        "sees_all": reached.is_everything,
        "teams": list(reached.team_ids),
        "own": str(caller.agent_id) if reached.is_own else "-",
        "any_team": not period.team,
        "only_teams": list(await session.scalars(team_ids(period.team))) if period.team else [],
    }
    rows = (await session.execute(HISTORY, values)).all() if points else []
    names = await group_names_of(session, by, {row.key for row in rows})
    items = [
        BacklogPointOfGroup(
            at=row.at,
            id=row.key or None,
            name=names.get(row.key, "(removed)") if row.key else NOBODYS[by],
            **{name: getattr(row, name) for name in BacklogFigures.model_fields},
        )
        for row in rows
    ]
    of_point: dict[datetime, list[BacklogPointOfGroup]] = {}
    for one in items:
        of_point.setdefault(one.at, []).append(one)
    return BacklogHistory(
        from_=period.since,
        to=period.until,
        time_zone=period.zone,
        group_by=by,
        interval=step,
        days_of=mark.zone if mark is not None else period.zone,
        points=[_together(at, of_point.get(at, [])) for at in points],
        items=items,
    )


def _ends(period: Period, step: ReportInterval, mark: BacklogWatermark) -> list[datetime]:
    """The counted ends of days, weeks or months within the period. Raises Problem 422."""
    zone, ends = ZoneInfo(mark.zone), []
    end = next_day(period.since - timedelta(microseconds=1), zone)
    while end <= min(period.until, mark.days_until):
        local = end.astimezone(zone)
        is_end = {ReportInterval.WEEK: local.weekday() == 0, ReportInterval.MONTH: local.day == 1}
        if is_end.get(step, True):
            ends.append(end)
        if len(ends) > MOST_POINTS:
            raise Problem(422, "invalid_input", f"the period has more than {MOST_POINTS} points; choose a longer step")
        end = next_day(end, zone)
    return ends


def _together(at: datetime, groups: list[BacklogPointOfGroup]) -> BacklogPoint:
    opened = [one.oldest_opened_at for one in groups if one.oldest_opened_at is not None]
    sums = {name: sum(getattr(one, name) for one in groups) for name in _COUNTED}
    return BacklogPoint(at=at, oldest_opened_at=min(opened, default=None), **sums)
