"""Decides which minutes of a local date are open, before any time zone comes into it."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import accumulate

from shared.contracts.calendars import (
    DAY_MINUTES,
    WEEKDAYS,
    BusinessCalendar,
    MinuteSpan,
    ResolvedCalendar,
    Window,
    window_minutes,
)

Spans = tuple[MinuteSpan, ...]
WHOLE_DAY: Spans = ((0, DAY_MINUTES),)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_EPOCH_WEEKDAY = date(1970, 1, 1).weekday()
_DAY_SECONDS = DAY_MINUTES * 60


def day_number(day: date) -> int:
    """Days from 1970-01-01 to this date."""
    return day.toordinal() - _EPOCH_ORDINAL


class LocalDays:
    """The open minutes of any local date, given as days since 1970-01-01.

    `weekly` starts on Monday; its spans, like those of `special` and `closed`, may run into the next day.
    """

    def __init__(self, weekly: Sequence[Spans], special: Mapping[int, Spans], closed: Mapping[int, Spans]) -> None:
        self._weekly, self._special, self._closed = weekly, special, closed
        spans = [*weekly, *special.values(), *closed.values()]
        has_spill = any(end > DAY_MINUTES for of_a_day in spans for _, end in of_a_day)
        self._exceptional = {day + spill for day in (*special, *closed) for spill in range(1 + has_spill)}
        self._exceptional_in_order = sorted(self._exceptional)
        self._ordinary = [_within_day(weekly[weekday], weekly[weekday - 1]) for weekday in range(7)]
        self._before_weekday = [0, *accumulate(_open_within(spans, 0, _DAY_SECONDS) for spans in self._ordinary)]

    @property
    def is_never_open(self) -> bool:
        """Whether no date, ordinary or exceptional, has an open minute."""
        return not any(self._ordinary) and not any(self.open_spans(day) for day in self._exceptional)

    def open_spans(self, day: int) -> Spans:
        """The open [from, to) minutes of that date, apart and in order, within 0 and 1440."""
        if day not in self._exceptional:
            return self._ordinary_on(day)
        if self._closed.get(day) == WHOLE_DAY:
            return ()
        hours = _within_day(self._started_on(day), self._started_on(day - 1))
        return _cut(hours, _within_day(self._closed.get(day, ()), self._closed.get(day - 1, ())))

    def open_seconds(self, since: int, until: int) -> int:
        """How much of [since, until), in local seconds since 1970-01-01T00:00, is open.

        Counts whole weeks at once and corrects them by the exceptional days, so that years cost no more than days.
        """
        seconds = self._ordinary_before(until) - self._ordinary_before(since)
        exceptional = self._exceptional_in_order
        for nth in range(bisect_left(exceptional, since // _DAY_SECONDS), len(exceptional)):
            midnight = exceptional[nth] * _DAY_SECONDS
            if midnight >= until:
                break
            part = max(0, since - midnight), min(_DAY_SECONDS, until - midnight)
            seconds += _open_within(self.open_spans(exceptional[nth]), *part)
            seconds -= _open_within(self._ordinary_on(exceptional[nth]), *part)
        return seconds

    def open_seconds_of(self, day: int, since: int, until: int) -> int:
        """How much of [since, until), in seconds after that date's midnight, is open."""
        return _open_within(self.open_spans(day), since, until)

    def _ordinary_before(self, moment: int) -> int:
        day, second = divmod(moment, _DAY_SECONDS)
        weeks, weekday = divmod(day + _EPOCH_WEEKDAY, 7)
        this_week = self._before_weekday[weekday] + _open_within(self._ordinary[weekday], 0, second)
        return weeks * self._before_weekday[7] + this_week

    def _ordinary_on(self, day: int) -> Spans:
        return self._ordinary[(day + _EPOCH_WEEKDAY) % 7]

    def _started_on(self, day: int) -> Spans:
        return self._special.get(day, self._weekly[(day + _EPOCH_WEEKDAY) % 7])


def local_days(calendar: BusinessCalendar | ResolvedCalendar) -> LocalDays:
    """The calendar's hours in minutes of local dates."""
    closed: dict[int, Spans] = {}
    if isinstance(calendar, ResolvedCalendar):
        for day, spans in (*((day, WHOLE_DAY) for day in calendar.closed_days), *calendar.closed_parts):
            closed[day_number(day)] = closed.get(day_number(day), ()) + spans
        return LocalDays(calendar.weekly, {day_number(day): spans for day, spans in calendar.special_days}, closed)
    for holiday in calendar.holidays:
        spans = WHOLE_DAY if holiday.hours is None else minute_spans(holiday.hours)
        closed[day_number(holiday.date)] = closed.get(day_number(holiday.date), ()) + spans
    special = {day_number(day.date): minute_spans(day.hours) for day in calendar.special_days}
    return LocalDays([minute_spans(calendar.weekly.on(day)) for day in WEEKDAYS], special, closed)


def minute_spans(windows: Iterable[Window]) -> Spans:
    """Windows as minutes after their day's midnight, overlapping and touching ones made one."""
    return _joined(window_minutes(window) for window in windows)


def _within_day(today: Spans, yesterday: Spans) -> Spans:
    spilled = [(0, end - DAY_MINUTES) for _, end in yesterday if end > DAY_MINUTES]
    return _joined([*spilled, *((start, min(end, DAY_MINUTES)) for start, end in today)])


def _open_within(spans: Spans, since: int, until: int) -> int:
    return sum(max(0, min(end * 60, until) - max(start * 60, since)) for start, end in spans)


def _joined(spans: Iterable[MinuteSpan]) -> Spans:
    joined: list[MinuteSpan] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def _cut(spans: Spans, closed: Spans) -> Spans:
    for closing, opening in closed:
        pieces = [((start, min(end, closing)), (max(start, opening), end)) for start, end in spans]
        spans = tuple(piece for pair in pieces for piece in pair if piece[0] < piece[1])
    return spans
