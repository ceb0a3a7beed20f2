"""The intervals of a period, and attainment as a percentage."""

from datetime import datetime

from sqlalchemy import text

from services.assignment.queries.periods import Period
from services.assignment.schemas.activity import ReportInterval
from shared.kit.db import Session
from shared.kit.http.problems import Problem

MOST_INTERVALS = 2_000
STEP_STARTS = text("""
select step.at from generate_series(
  date_trunc(:step, cast(:since as timestamptz), :zone), cast(:until as timestamptz) - interval '1 microsecond',
  cast('1 ' || :step as interval), :zone) as step (at) limit :most
""")


async def interval_starts(session: Session, period: Period, interval: ReportInterval) -> list[datetime]:
    """Where the intervals of a period begin in its zone; the first may begin before it. Raises Problem 422."""
    values = {"step": interval.value, "since": period.since, "until": period.until, "zone": period.zone}
    starts = (await session.scalars(STEP_STARTS, values | {"most": MOST_INTERVALS + 1})).all()
    if len(starts) > MOST_INTERVALS:
        raise Problem(422, "invalid_input", f"the period has more than {MOST_INTERVALS} intervals; choose longer ones")
    return list(starts)


def attainment_of(met: int, breached: int) -> float | None:
    """Percent met of what was judged; null if nothing was."""
    judged = met + breached
    return round(100 * met / judged, 1) if judged else None
