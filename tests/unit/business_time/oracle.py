"""A second opinion on business time: walks the wall clock itself and compares what it shows with the JSON.

It knows nothing of blocks, spans or offset changes: each instant is shown to the zone. Every second of a wall-clock
minute is alike, so it steps by such minutes, and second by second through a minute in which the clocks are changed.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

Json = Mapping[str, Any]
Hours = list[list[str]]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MICROSECOND = timedelta(microseconds=1)


class Piece(NamedTuple):
    """[since, until) during which the wall shows one minute, open or not."""

    since: datetime
    until: datetime
    is_open: bool


class Oracle:
    def __init__(self, calendar: Json) -> None:
        self._calendar, self._zone = calendar, ZoneInfo(calendar["timezone"])
        self._days: dict[date, tuple[Hours, Hours]] = {}

    def is_open(self, at: datetime) -> bool:
        return self._is_shown_open(at.astimezone(self._zone))

    def open_time(self, since: datetime, until: datetime) -> timedelta:
        pieces = self.walk(since, until)
        return sum((piece.until - piece.since for piece in pieces if piece.is_open), timedelta())

    def first(self, since: datetime, until: datetime, *, is_open: bool) -> datetime | None:
        """The first open, or the first closed, instant in [since, until)."""
        return next((piece.since for piece in self.walk(since, until) if piece.is_open is is_open), None)

    def walk(self, since: datetime, until: datetime) -> Iterator[Piece]:
        while since < until:
            wall = since.astimezone(self._zone)
            next_second = timedelta(seconds=1, microseconds=-wall.microsecond)
            edge = min(until, since + next_second + timedelta(seconds=59 - wall.second))
            if (edge - MICROSECOND).astimezone(self._zone).utcoffset() != wall.utcoffset():
                edge = min(until, since + next_second)
            yield Piece(since, edge, self._is_shown_open(wall))
            since = edge

    def _is_shown_open(self, wall: datetime) -> bool:
        today, clock = wall.date(), f"{wall.hour:02}:{wall.minute:02}"
        (opened, closed), (opened_before, closed_before) = self._on(today), self._on(today - timedelta(days=1))
        return _covers(opened, opened_before, clock) and not _covers(closed, closed_before, clock)

    def _on(self, day: date) -> tuple[Hours, Hours]:
        if day not in self._days:
            self._days[day] = (self._opened_by(day), self._closed_by(day))
        return self._days[day]

    def _opened_by(self, day: date) -> Hours:
        hours: Hours = self._special.get(str(day), self._calendar["weekly"].get(WEEKDAYS[day.weekday()], []))
        return hours

    def _closed_by(self, day: date) -> Hours:
        holidays = [entry for entry in self._calendar.get("holidays", []) if entry["date"] == str(day)]
        return [window for entry in holidays for window in entry.get("hours") or [["00:00", "24:00"]]]

    @cached_property
    def _special(self) -> dict[str, Hours]:
        return {entry["date"]: entry["hours"] for entry in self._calendar.get("special_days", [])}


def _covers(today: Hours, yesterday: Hours, clock: str) -> bool:
    """Whether the wall clock stands in a window of today, or in one of yesterday that runs past midnight."""
    since_today = any(start <= clock and (clock < end or end <= start) for start, end in today)
    return since_today or any(end <= start and clock < end for start, end in yesterday)
