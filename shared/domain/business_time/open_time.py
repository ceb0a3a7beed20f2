"""Keeps open time in blocks of four weeks: a total for those passed over, UTC intervals for those looked into."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from shared.contracts.calendars import (
    FIRST_YEAR,
    LAST_YEAR,
    AnyCalendar,
    ResolvedCalendar,
)
from shared.domain.business_time.errors import HolidaysNotExpanded, NoOpenTime
from shared.domain.business_time.local_days import LocalDays, local_days
from shared.domain.business_time.offsets import DAY, EPOCH, ListedOffsets, Offsets, OffsetSpan, ZoneOffsets

SECOND = 1_000_000
BLOCK = 28 * DAY * SECOND
SEARCHED = 20 * 366 * DAY * SECOND
FIRST_INSTANT = int((datetime(FIRST_YEAR, 1, 1, tzinfo=UTC) - EPOCH).total_seconds()) * SECOND
LAST_INSTANT = int((datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC) - EPOCH).total_seconds()) * SECOND


class Block:
    """The open intervals [start, end) between two instants, everything in microseconds since 1970 UTC."""

    __slots__ = ("_before", "ends", "starts", "until")

    def __init__(self, intervals: list[tuple[int, int]], until: int) -> None:
        self.until = until
        self.starts = [start for start, _ in intervals]
        self.ends = [end for _, end in intervals]
        self._before = [0]
        for start, end in intervals:
            self._before.append(self._before[-1] + end - start)

    def open_before(self, moment: int) -> int:
        """The open time from the block's beginning to this moment."""
        nth = bisect_right(self.ends, moment)
        return self._before[nth] + (max(0, moment - self.starts[nth]) if nth < len(self.starts) else 0)

    def moment_after(self, amount: int) -> int:
        """The first moment at which `amount` (above 0, at most all) of the open time has passed."""
        nth = bisect_left(self._before, amount) - 1
        return self.starts[nth] + amount - self._before[nth]


class OpenTime:
    """A calendar's open time, computed block by block as it is asked for.

    An instant is open when its local wall clock stands inside a window. So the hour skipped in spring opens
    nothing, a window inside the hour repeated in autumn opens twice, and a day of 25 hours counts 25.
    """

    def __init__(self, days: LocalDays, offsets: Offsets) -> None:
        self.days, self.offsets = days, offsets
        self._blocks: dict[int, Block] = {}
        self._totals: dict[int, int] = {}

    def block(self, index: int) -> Block:
        """The block number `index`, counted from 1970 UTC."""
        known = self._blocks.get(index)
        if known is None:
            known = self._blocks[index] = self._built(index)
        return known

    def total(self, index: int) -> int:
        """All the open time of block number `index` in microseconds, found without building the block."""
        known = self._totals.get(index)
        if known is None:
            seconds = sum(
                self.days.open_seconds(since + offset, until + offset) for since, until, offset in self.stretches(index)
            )
            known = self._totals[index] = seconds * SECOND
        return known

    def opening_blocks(self, moment: int) -> Iterator[tuple[int, int]]:
        """Number and total of the blocks that open at all, from this moment's on, until the caller has its answer.

        Raises NoOpenTime after twenty years without an opening, and at the end of the supported years.
        """
        last: int | None = None
        for index in range(moment // BLOCK, LAST_INSTANT // BLOCK + 1):
            if total := self.total(index):
                yield index, total
                last = index
            elif (index + 1) * BLOCK - self._closing_in(last, moment) > SEARCHED:
                break
        raise NoOpenTime(EPOCH + timedelta(microseconds=self._closing_in(last, moment)))

    def _closing_in(self, index: int | None, otherwise: int) -> int:
        return otherwise if index is None else self.block(index).ends[-1]

    def stretches(self, index: int) -> list[OffsetSpan]:
        """Block number `index` in UTC, cut where the offset changes."""
        return self.offsets.stretches(index * BLOCK // SECOND, (index + 1) * BLOCK // SECOND)

    def _built(self, index: int) -> Block:
        intervals: list[tuple[int, int]] = []
        for stretch in self.stretches(index):
            for start, end in self._open_seconds(stretch):
                if intervals and intervals[-1][1] == start * SECOND:
                    intervals[-1] = (intervals[-1][0], end * SECOND)
                else:
                    intervals.append((start * SECOND, end * SECOND))
        return Block(intervals, (index + 1) * BLOCK)

    def _open_seconds(self, stretch: OffsetSpan) -> Iterator[tuple[int, int]]:
        since, until, offset = stretch
        for day in range((since + offset) // DAY, (until + offset - 1) // DAY + 1):
            midnight = day * DAY - offset
            for opening, closing in self.days.open_spans(day):
                start, end = max(since, midnight + opening * 60), min(until, midnight + closing * 60)
                if start < end:
                    yield start, end


class _Identity:
    """A calendar as a cache key: to hash hundreds of holidays would cost more than the answer."""

    __slots__ = ("calendar",)

    def __init__(self, calendar: AnyCalendar) -> None:
        self.calendar = calendar

    def __hash__(self) -> int:
        return id(self.calendar)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.calendar is self.calendar


def open_time(calendar: AnyCalendar) -> OpenTime:
    """The calendar's open time, remembered for the calendars used last.

    Raises HolidaysNotExpanded for a calendar that still names a country, NoOpenTime for one that never opens.
    """
    return _compiled(_Identity(calendar))


@lru_cache(maxsize=64)
def _compiled(key: _Identity) -> OpenTime:
    calendar = key.calendar
    if isinstance(calendar, ResolvedCalendar):
        offsets: Offsets = ListedOffsets(calendar.initial_offset, calendar.offset_changes)
    elif calendar.holiday_country is not None:
        raise HolidaysNotExpanded(calendar.holiday_country)
    else:
        offsets = ZoneOffsets(calendar.zone)
    days = local_days(calendar)
    if days.is_never_open:
        raise NoOpenTime
    return OpenTime(days, offsets)
