"""When a scheduled report is due, over changes of the clocks and months of every length."""

from datetime import UTC, date, datetime

import pytest

from services.assignment.reporting.schedule_times import ScheduleTimes
from services.assignment.schemas.saved_reports import Frequency

DAILY, WEEKLY, MONTHLY = Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("times", "after", "due"),
    [
        (ScheduleTimes(DAILY, "08:00", "UTC"), "2026-11-28T07:59", "2026-11-28T08:00"),
        (ScheduleTimes(DAILY, "08:00", "UTC"), "2026-11-28T08:00", "2026-11-29T08:00"),
        (ScheduleTimes(DAILY, "08:00", "Europe/Berlin"), "2026-03-28T12:00", "2026-03-29T06:00"),
        (ScheduleTimes(DAILY, "02:30", "Europe/Berlin"), "2026-03-28T12:00", "2026-03-29T01:30"),
        (ScheduleTimes(DAILY, "02:30", "Europe/Berlin"), "2026-10-24T12:00", "2026-10-25T00:30"),
        (ScheduleTimes(DAILY, "02:30", "Europe/Berlin"), "2026-10-25T00:30", "2026-10-26T01:30"),
        (ScheduleTimes(DAILY, "00:00", "America/Havana"), "2026-03-07T12:00", "2026-03-08T05:00"),
        (ScheduleTimes(DAILY, "23:30", "Pacific/Kiritimati"), "2026-01-01T00:00", "2026-01-01T09:30"),
        (ScheduleTimes(WEEKLY, "08:00", "UTC", weekday=1), "2026-11-28T12:00", "2026-11-30T08:00"),
        (ScheduleTimes(WEEKLY, "08:00", "Asia/Kathmandu", weekday=7), "2026-11-28T12:00", "2026-11-29T02:15"),
        (ScheduleTimes(MONTHLY, "08:00", "UTC", day=31), "2026-02-01T00:00", "2026-02-28T08:00"),
        (ScheduleTimes(MONTHLY, "08:00", "UTC", day=30), "2028-02-01T00:00", "2028-02-29T08:00"),
        (ScheduleTimes(MONTHLY, "08:00", "UTC", day=31), "2026-04-30T08:00", "2026-05-31T08:00"),
        (ScheduleTimes(MONTHLY, "08:00", "UTC", day=1), "2026-12-01T08:00", "2027-01-01T08:00"),
    ],
)
def test_the_next_time_is_a_local_one(times: ScheduleTimes, after: str, due: str) -> None:
    assert times.next_after(at(after)) == at(due)


@pytest.mark.parametrize(
    ("frequency", "due_on", "first", "last"),
    [
        (DAILY, date(2026, 3, 1), date(2026, 2, 28), date(2026, 2, 28)),
        (WEEKLY, date(2026, 3, 2), date(2026, 2, 23), date(2026, 3, 1)),
        (MONTHLY, date(2026, 3, 31), date(2026, 2, 1), date(2026, 2, 28)),
        (MONTHLY, date(2026, 1, 1), date(2025, 12, 1), date(2025, 12, 31)),
    ],
)
def test_a_report_is_about_the_days_before_it_is_due(
    frequency: Frequency, due_on: date, first: date, last: date
) -> None:
    assert ScheduleTimes(frequency, "08:00", "UTC", weekday=1, day=1).covered(due_on) == (first, last)


def test_a_year_of_daily_times_is_one_a_day() -> None:
    for zone in ("Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Asia/Beirut"):
        for local in ("00:00", "00:30", "02:00", "02:30"):
            times, moment = ScheduleTimes(DAILY, local, zone), at("2025-12-31T12:00")
            days: list[date] = []
            while len(days) < 370:
                moment = times.next_after(moment)
                days.append(times.local_day(moment))
            assert len(set(days)) == len(days), (zone, local)
            assert (days[-1] - days[0]).days == len(days) - 1, (zone, local)
