"""Answers the five questions of business time (DESIGN §4.7) about any calendar."""

from bisect import bisect_right
from datetime import datetime, timedelta

from shared.contracts.calendars import AnyCalendar
from shared.domain.business_time.errors import InstantOutOfRange, NaiveInstant, NegativeDuration, NeverCloses
from shared.domain.business_time.offsets import DAY, EPOCH
from shared.domain.business_time.open_time import (
    BLOCK,
    FIRST_INSTANT,
    LAST_INSTANT,
    SEARCHED,
    SECOND,
    OpenTime,
    open_time,
)


def add_business_time(calendar: AnyCalendar, start: datetime, duration: timedelta) -> datetime:
    """The instant, in UTC, at which `duration` of open time has passed since `start`.

    Time that runs out exactly at a closing is due at that closing. Adding zero gives `next_opening`.
    Raises NoOpenTime when the calendar never opens for so long, NegativeDuration, and what `is_open` raises.
    """
    hours, moment, remaining = open_time(calendar), moment_of(start), _microseconds(duration)
    if remaining < 0:
        raise NegativeDuration(duration)
    if remaining == 0:
        return instant_of(opening_from(hours, moment))
    blocks = hours.opening_blocks(moment)
    index, total = next(blocks)
    remaining += hours.block(moment // BLOCK).open_before(moment)
    while remaining > total:
        remaining -= total
        index, total = next(blocks)
    return instant_of(hours.block(index).moment_after(remaining))


def business_time_between(calendar: AnyCalendar, start: datetime, end: datetime) -> timedelta:
    """The open time in [start, end); none when they are reversed.

    Raises what `is_open` raises.
    """
    hours, since, until = open_time(calendar), moment_of(start), moment_of(end)
    if until <= since:
        return timedelta()
    first, last = since // BLOCK, until // BLOCK
    whole = sum(map(hours.total, range(first, last)))
    elapsed = whole - hours.block(first).open_before(since) + hours.block(last).open_before(until)
    return timedelta(microseconds=elapsed)


def is_open(calendar: AnyCalendar, at: datetime) -> bool:
    """Whether the instant lies in a window: an opening does, a closing does not.

    Raises NoOpenTime for a calendar that never opens, HolidaysNotExpanded for one that still names a country,
    NaiveInstant and InstantOutOfRange.
    """
    hours, moment = open_time(calendar), moment_of(at)
    block = hours.block(moment // BLOCK)
    nth = bisect_right(block.ends, moment)
    return nth < len(block.starts) and block.starts[nth] <= moment


def next_opening(calendar: AnyCalendar, at: datetime) -> datetime:
    """The first open instant not before `at`, in UTC: `at` itself when open.

    Raises NoOpenTime when the next opening is more than twenty years away, and what `is_open` raises.
    """
    return instant_of(opening_from(open_time(calendar), moment_of(at)))


def next_closing(calendar: AnyCalendar, at: datetime) -> datetime:
    """The first closing after `at`, in UTC: of the hours that are open now, else of those that open next.

    Raises NeverCloses when they last for more than twenty years, and what `next_opening` raises.
    """
    hours = open_time(calendar)
    opening = opening_from(hours, moment_of(at))
    closing = opening
    for index in range(opening // BLOCK, (opening + SEARCHED) // BLOCK):
        block = hours.block(index)
        nth = bisect_right(block.ends, closing)
        if nth == len(block.starts) or block.starts[nth] > closing:
            return instant_of(closing)
        closing = block.ends[nth]
        if closing < block.until:
            return instant_of(closing)
    raise NeverCloses(instant_of(opening))


def opening_from(hours: OpenTime, moment: int) -> int:
    """The first open moment not before this one, in microseconds since 1970. Raises NoOpenTime."""
    blocks = (hours.block(index) for index, _ in hours.opening_blocks(moment))
    block = next(block for block in blocks if block.ends[-1] > moment)
    return max(moment, block.starts[bisect_right(block.ends, moment)])


def moment_of(at: datetime) -> int:
    """Microseconds since 1970. Raises NaiveInstant and InstantOutOfRange."""
    if at.utcoffset() is None:
        raise NaiveInstant(at)
    moment = _microseconds(at - EPOCH)
    if not FIRST_INSTANT <= moment < LAST_INSTANT:
        raise InstantOutOfRange(at)
    return moment


def _microseconds(duration: timedelta) -> int:
    return (duration.days * DAY + duration.seconds) * SECOND + duration.microseconds


def instant_of(moment: int) -> datetime:
    """The instant, in UTC, so many microseconds after 1970."""
    return EPOCH + timedelta(microseconds=moment)
