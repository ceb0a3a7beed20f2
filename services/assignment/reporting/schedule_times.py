"""When a scheduled report is due, and which days it is about: days of its zone, right over changes of the clocks."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.assignment.schemas.saved_reports import Frequency

WEEK = timedelta(days=7)
DAY = timedelta(days=1)
LONGEST_LOOK = 63
"""Days within which every schedule is due at least once."""


@dataclass(frozen=True, slots=True)
class ScheduleTimes:
    """The rule of a schedule."""

    frequency: Frequency
    at: str
    time_zone: str
    weekday: int | None = None
    day: int | None = None

    def next_after(self, moment: datetime) -> datetime:
        """Returns the first due instant after `moment`.

        A local time that the clocks skip is due as long after the skip as it would have been; one that comes twice is
        due the first time.
        """
        zone = ZoneInfo(self.time_zone)
        local = time.fromisoformat(self.at)
        for day in _days_from(moment.astimezone(zone).date() - DAY):
            due = datetime.combine(day, local, zone).astimezone(UTC)
            if due > moment and self._is_due_on(day):
                return due
        raise AssertionError("every schedule is due within two months")

    def local_day(self, due: datetime) -> date:
        """Returns the day of the zone on which an instant lies."""
        return due.astimezone(ZoneInfo(self.time_zone)).date()

    def covered(self, due_on: date) -> tuple[date, date]:
        """Returns the first and the last day that a report is about which is due on a day."""
        if self.frequency is Frequency.DAILY:
            return due_on - DAY, due_on - DAY
        if self.frequency is Frequency.WEEKLY:
            return due_on - WEEK, due_on - DAY
        last = due_on.replace(day=1) - DAY
        return last.replace(day=1), last

    def _is_due_on(self, day: date) -> bool:
        if self.frequency is Frequency.WEEKLY:
            return day.isoweekday() == self.weekday
        if self.frequency is Frequency.MONTHLY:
            return day.day == min(self.day or 1, monthrange(day.year, day.month)[1])
        return True


def _days_from(first: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range(LONGEST_LOOK))
