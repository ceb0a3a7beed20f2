"""Expands a feed's events into one holiday per local date: recurrence and time zones resolved."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Component

from services.assignment.holiday_feed.events import calendars_in, moment_of, plain, take_sound_events
from services.assignment.holiday_feed.findings import FeedFindings, FeedRequest, Ignored, UnreadableFeed
from shared.contracts.calendars import DAY_MINUTES, Holiday, MinuteSpan
from shared.domain.holidays import merged_spans

MAX_OCCURRENCES = 20_000
MAX_WINDOWS = 24
WHOLE_DAY: MinuteSpan = (0, DAY_MINUTES)
FREE = "it is marked as free time (TRANSP:TRANSPARENT); send include_free to take such events too"
Moment = date | datetime


def read_feed(raw: bytes, question: FeedRequest) -> FeedFindings:
    """Returns the holidays of an iCalendar file in a range of days. Raises UnreadableFeed."""
    notes = _Notes(question)
    for calendar in calendars_in(raw):
        try:
            notes.take(calendar)
        except (recurring_ical_events.InvalidCalendar, OverflowError) as error:
            raise UnreadableFeed(f"this file cannot be read: {plain(str(error))}") from error
    return notes.findings()


@dataclass
class _Notes:
    """Collects holidays and ignored events."""

    question: FeedRequest
    closed: dict[date, list[tuple[MinuteSpan, str | None]]] = field(default_factory=lambda: defaultdict(list))
    ignored: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    first: dict[tuple[str | None, str], date | None] = field(default_factory=dict)
    occurrences: int = 0

    def take(self, calendar: Calendar) -> None:
        """Adds every occurrence of a calendar's events."""
        for event, fault in take_sound_events(calendar):
            self.ignore(event, fault, None)
        since = datetime.combine(self.question.since - timedelta(days=2), time())
        until = datetime.combine(self.question.until + timedelta(days=2), time())
        happened: set[str] = set()
        for series in recurring_ical_events.of(calendar).series:
            occurrence: Any  # the library's annotations are looser than what it gives: a date or an instant
            for occurrence in series.between(since, until):
                self.occurrences += 1
                if self.occurrences > MAX_OCCURRENCES:
                    raise UnreadableFeed(f"its events happen more than {MAX_OCCURRENCES} times")
                happened.add(str(series.uid))
                self.note(occurrence.as_component(keep_recurrence_attributes=False), occurrence.start, occurrence.end)
        for event in calendar.walk("VEVENT"):
            if "RECURRENCE-ID" not in event and str(event.get("UID")) not in happened:
                self.ignore(event, self.outside, moment_of(event, "DTSTART"))

    @property
    def outside(self) -> str:
        return f"none of it lies between {self.question.since} and {self.question.until}"

    def note(self, event: Component, start: Moment, end: Moment) -> None:
        """Adds one occurrence, or the reason to ignore it."""
        if str(plain(event.get("STATUS"))).upper() == "CANCELLED":
            self.ignore(event, "it is cancelled", start)
        elif str(plain(event.get("TRANSP"))).upper() == "TRANSPARENT" and not self.question.include_free:
            self.ignore(event, FREE, start)
        elif not (days := list(self.days_of(start, end))):
            self.ignore(event, "it closes no minute of these days", start)
        else:
            for day, span in days:
                self.closed[day].append((span, plain(event.get("SUMMARY"))))

    def ignore(self, event: Component, reason: str, start: Moment | None) -> None:
        """Records why an event is ignored, once for all its occurrences."""
        key = plain(event.get("SUMMARY")), reason
        self.ignored[key] += 1
        self.first.setdefault(key, start.date() if isinstance(start, datetime) else start)

    def days_of(self, start: Moment, end: Moment) -> Iterator[tuple[date, MinuteSpan]]:
        """Yields the local days of an occurrence in the range, each with its closed part."""
        if not isinstance(start, datetime) or not isinstance(end, datetime):
            first, last = _day(start), max(_day(start), _day(end) - timedelta(days=1))
            spans = [(first, 0), (last, DAY_MINUTES)]
        else:
            local, after = self.local(start), self.local(end)
            spans = [(local.date(), local.hour * 60 + local.minute), (after.date(), _minute_after(after))]
        (first, opening), (last, closing) = spans
        day = max(first, self.question.since)
        while day <= min(last, self.question.until):
            span = (opening if day == first else 0, closing if day == last else DAY_MINUTES)
            if span[0] < span[1]:
                yield day, span
            day += timedelta(days=1)

    def local(self, at: datetime) -> datetime:
        """Converts an instant to the calendar's zone; a time without a zone is local already."""
        return at if at.tzinfo is None else at.astimezone(ZoneInfo(self.question.timezone))

    def findings(self) -> FeedFindings:
        """Returns the findings in order."""
        ignored = [
            Ignored(name=name, date=self.first[name, reason], occurrences=count, reason=reason)
            for (name, reason), count in self.ignored.items()
        ]
        return FeedFindings(
            holidays=tuple(_holiday(day, self.closed[day]) for day in sorted(self.closed)), ignored=tuple(ignored)
        )


def _day(moment: Moment) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _minute_after(at: datetime) -> int:
    """Rounds up to the minute of the day: a started minute counts as closed."""
    return at.hour * 60 + at.minute + (1 if at.second or at.microsecond else 0)


def _holiday(day: date, closures: list[tuple[MinuteSpan, str | None]]) -> Holiday:
    names = list(dict.fromkeys(name for _, name in closures if name))
    name = " / ".join(names)[:200].strip() or None
    spans = merged_spans([span for span, _ in closures])
    if len(spans) > MAX_WINDOWS:
        raise UnreadableFeed(f"{day} has more than {MAX_WINDOWS} separate closures")
    if spans == [WHOLE_DAY]:
        return Holiday(date=day, name=name)
    return Holiday(date=day, hours=tuple((_clock(start), _clock(end)) for start, end in spans), name=name)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
