"""Turns a time zone into the plain list of its offset changes, so that windows are computed in UTC alone."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400
STEP = 7 * DAY // 2
"""No zone has ever kept an offset for less: the shortest (Freetown, September 1939) lasted four days."""

Change = tuple[int, int]
"""(UTC epoch seconds from which it holds, seconds east of UTC)."""


class OffsetSpan(NamedTuple):
    """[since, until) in UTC epoch seconds during which local clocks run `offset` seconds ahead of UTC."""

    since: int
    until: int
    offset: int


class Offsets(Protocol):
    """Whatever knows how far local clocks are ahead of UTC."""

    def stretches(self, since: int, until: int) -> list[OffsetSpan]:
        """[since, until) cut where the offset changes, in order and without gaps."""
        ...


class ListedOffsets:
    """Offsets written down beforehand: the last one holds for ever."""

    def __init__(self, initial: int, changes: Sequence[Change]) -> None:
        self._moments = [moment for moment, _ in changes]
        self._offsets = [initial, *(offset for _, offset in changes)]

    def stretches(self, since: int, until: int) -> list[OffsetSpan]:
        """As `Offsets.stretches`."""
        first = bisect_right(self._moments, since)
        last = bisect_right(self._moments, until - 1)
        edges = [since, *self._moments[first:last], until]
        return [OffsetSpan(*edge, self._offsets[first + nth]) for nth, edge in enumerate(pairwise(edges))]


class ZoneOffsets:
    """Offsets asked of a time zone as they are needed, and remembered for all calendars of that zone."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def stretches(self, since: int, until: int) -> list[OffsetSpan]:
        """As `Offsets.stretches`."""
        return _zone_stretches(self._zone, since, until)


@lru_cache(maxsize=4096)
def _zone_stretches(zone: tzinfo, since: int, until: int) -> list[OffsetSpan]:
    return ListedOffsets(offset_at(zone, since), offset_changes(zone, since, until)).stretches(since, until)


def offset_at(zone: tzinfo, moment: int) -> int:
    """Seconds that the zone's clocks are ahead of UTC at an instant in UTC epoch seconds."""
    offset = datetime.fromtimestamp(moment, zone).utcoffset() or timedelta()
    return offset.days * DAY + offset.seconds


def offset_changes(zone: tzinfo, since: int, until: int) -> list[Change]:
    """The zone's changes of offset in (since, until), UTC epoch seconds, exact to the second.

    Looks twice a week: two changes that undo each other within half a week would go unseen.
    """
    changes: list[Change] = []
    here, offset = since, offset_at(zone, since)
    while here < until - 1:
        there = min(here + STEP, until - 1)
        if offset_at(zone, there) != offset:
            there = _first_change(zone, here, there)
            offset = offset_at(zone, there)
            changes.append((there, offset))
        here = there
    return changes


def _first_change(zone: tzinfo, before: int, after: int) -> int:
    offset = offset_at(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        if offset_at(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after
