"""Adds whole working days: the same local time so many open dates later, moved into open time."""

from collections.abc import Iterator
from datetime import datetime

from shared.contracts.calendars import AnyCalendar
from shared.domain.business_time.arithmetic import instant_of, moment_of, opening_from
from shared.domain.business_time.errors import InstantOutOfRange, NegativeDuration, NoOpenTime
from shared.domain.business_time.offsets import DAY, OffsetSpan
from shared.domain.business_time.open_time import BLOCK, LAST_INSTANT, SEARCHED, SECOND, OpenTime, open_time


def add_working_days(calendar: AnyCalendar, start: datetime, days: int) -> datetime:
    """The first open instant, in UTC, from the start's local time on the `days`-th open date after its own.

    A date is open if any of its time is; the start's own date never counts. A local time that the clocks skip is
    the instant they are put forward, one that they repeat is the first. Zero gives `next_opening`.
    Raises NegativeDuration, NoOpenTime when no open date comes for twenty years, and what `is_open` raises.
    """
    hours, moment = open_time(calendar), moment_of(start)
    if days < 0:
        raise NegativeDuration(f"{days} working days")
    if days == 0:
        return instant_of(opening_from(hours, moment))
    (here,) = hours.offsets.stretches(moment // SECOND, moment // SECOND + 1)
    date, time_of_day = divmod(moment + here.offset * SECOND, DAY * SECOND)
    target = _open_date_after(hours, date, days, moment)
    end = _instant_of_local(hours, target, time_of_day)
    if end >= LAST_INSTANT:
        raise InstantOutOfRange(start)
    return instant_of(opening_from(hours, end))


def _open_date_after(hours: OpenTime, date: int, days: int, moment: int) -> int:
    searched_until = moment + SEARCHED
    for stretch in _stretches_from(hours, moment):
        if stretch.since * SECOND > searched_until:
            break
        since, until = stretch.since + stretch.offset, stretch.until + stretch.offset
        for candidate in range(max(since // DAY, date + 1), (until - 1) // DAY + 1):
            midnight = candidate * DAY
            if hours.days.open_seconds_of(candidate, max(0, since - midnight), min(DAY, until - midnight)):
                date, days, searched_until = candidate, days - 1, stretch.until * SECOND + SEARCHED
                if not days:
                    return date
    raise NoOpenTime(instant_of(moment))


def _stretches_from(hours: OpenTime, moment: int) -> Iterator[OffsetSpan]:
    for index in range(moment // BLOCK, LAST_INSTANT // BLOCK + 1):
        yield from hours.stretches(index)


def _instant_of_local(hours: OpenTime, date: int, time_of_day: int) -> int:
    """The first instant at which the local clock shows this time, or, where it never does, is past it."""
    local = date * DAY * SECOND + time_of_day
    around = hours.offsets.stretches((date - 2) * DAY, (date + 4) * DAY)
    shown = next(stretch for stretch in around if local < (stretch.until + stretch.offset) * SECOND)
    return max(shown.since * SECOND, local - shown.offset * SECOND)
