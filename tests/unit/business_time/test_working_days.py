"""Working days: the same local time so many open dates later, moved into open time."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.assignment.calendar_resolution import resolve
from shared.contracts.calendars import AnyCalendar, BusinessCalendar
from shared.domain.business_time import (
    NegativeDuration,
    NoOpenTime,
    add_working_days,
    business_time_between,
    is_open,
    next_opening,
)
from tests.unit.business_time.strategies import CalendarCase, microseconds, scenes

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE: dict[str, Any] = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu")}
SHORT_FRIDAY = {"weekly": {**OFFICE, "fri": [["09:00", "14:00"]]}}
NIGHTS = {"weekly": {day: [["22:00", "06:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}}
ALWAYS = {"weekly": {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}}
SPLIT = {"weekly": {day: [["09:00", "12:00"], ["13:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}}
HOLIDAYS = {**SHORT_FRIDAY, "holidays": [{"date": "2026-03-04"}, {"date": "2026-03-05", "hours": [["09:00", "13:00"]]}]}
SPECIAL = {
    **SHORT_FRIDAY,
    "special_days": [{"date": "2026-03-07", "hours": [["10:00", "14:00"]]}, {"date": "2026-03-09", "hours": []}],
}
SUNDAY_NIGHT = {"weekly": {"sun": [["02:00", "03:00"]], "mon": [["09:00", "17:00"]]}}


@pytest.mark.parametrize(
    ("hours", "start", "days", "end"),
    [
        (SHORT_FRIDAY, "2026-03-02 10:30", 2, "2026-03-04 10:30"),
        (SHORT_FRIDAY, "2026-03-05 11:00", 1, "2026-03-06 11:00"),
        (SHORT_FRIDAY, "2026-03-05 16:00", 1, "2026-03-09 09:00"),
        (SHORT_FRIDAY, "2026-03-05 14:00", 1, "2026-03-09 09:00"),
        (SHORT_FRIDAY, "2026-03-06 13:00", 1, "2026-03-09 13:00"),
        (SHORT_FRIDAY, "2026-03-06 20:00", 1, "2026-03-10 09:00"),
        (SHORT_FRIDAY, "2026-03-02 03:00", 1, "2026-03-03 09:00"),
        (SHORT_FRIDAY, "2026-03-07 11:00", 1, "2026-03-09 11:00"),
        (SHORT_FRIDAY, "2026-03-08 07:00", 2, "2026-03-10 09:00"),
        (SHORT_FRIDAY, "2026-03-02 10:00", 5, "2026-03-09 10:00"),
        (SHORT_FRIDAY, "2026-03-07 11:00", 0, "2026-03-09 09:00"),
        (SPLIT, "2026-03-02 12:30", 1, "2026-03-03 13:00"),
        (HOLIDAYS, "2026-03-03 10:00", 1, "2026-03-05 13:00"),
        (HOLIDAYS, "2026-03-03 10:00", 2, "2026-03-06 10:00"),
        (SPECIAL, "2026-03-06 13:00", 1, "2026-03-07 13:00"),
        (SPECIAL, "2026-03-06 09:00", 1, "2026-03-07 10:00"),
        (SPECIAL, "2026-03-06 13:00", 2, "2026-03-10 13:00"),
        (NIGHTS, "2026-03-03 02:00", 1, "2026-03-04 02:00"),
        (NIGHTS, "2026-03-06 23:00", 1, "2026-03-09 22:00"),
        (NIGHTS, "2026-03-07 03:00", 1, "2026-03-09 22:00"),
        (ALWAYS, "2026-03-28 02:30", 1, "2026-03-29 03:00"),
        (ALWAYS, "2026-03-28 12:00", 2, "2026-03-30 12:00"),
        (ALWAYS, "2026-10-24 12:00", 1, "2026-10-25 12:00"),
        (ALWAYS, "2026-12-31 23:59", 1, "2027-01-01 23:59"),
        (SUNDAY_NIGHT, "2026-03-23 10:00", 1, "2026-03-30 10:00"),
        (SUNDAY_NIGHT, "2026-03-16 10:00", 1, "2026-03-23 09:00"),
    ],
)
def test_the_same_local_time_so_many_open_days_later(hours: dict[str, Any], start: str, days: int, end: str) -> None:
    plain = BusinessCalendar.model_validate({"timezone": "Europe/Berlin", **hours})
    since, until = (datetime.fromisoformat(one).replace(tzinfo=BERLIN) for one in (start, end))
    for calendar in (plain, resolve(plain, "test", 1, datetime(2026, 3, 1, tzinfo=UTC))):
        assert add_working_days(calendar, since, days).astimezone(BERLIN) == until


def test_a_local_time_that_comes_twice_is_the_first() -> None:
    always = BusinessCalendar.model_validate({"timezone": "Europe/Berlin", **ALWAYS})
    end = add_working_days(always, datetime(2026, 10, 24, 2, 30, tzinfo=BERLIN), 1)
    assert end == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_what_cannot_be_counted_is_refused() -> None:
    once = BusinessCalendar.model_validate(
        {"timezone": "UTC", "weekly": {}, "special_days": [{"date": "2026-03-03", "hours": [["09:00", "17:00"]]}]}
    )
    start = datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert add_working_days(once, start, 1) == start + timedelta(days=1)
    with pytest.raises(NoOpenTime):
        add_working_days(once, start, 2)
    with pytest.raises(NegativeDuration):
        add_working_days(once, start, -1)


thorough = settings(max_examples=150, deadline=None)


@thorough
@given(scenes(), microseconds, st.integers(0, 30), st.integers(1, 30))
def test_it_ends_in_open_time_and_later_with_more_days(
    scene: CalendarCase, micros: timedelta, days: int, more: int
) -> None:
    start = scene.at + micros
    end = add_working_days(scene.calendar, start, days)
    assert is_open(scene.calendar, end)
    assert end >= start
    assert end <= add_working_days(scene.calendar, start, days + more)


@thorough
@given(st.integers(0, 400 * 24 * 60), st.integers(0, 5 * 24 * 60), st.integers(1, 20))
def test_who_starts_later_in_open_time_ends_no_sooner(minutes: int, later: int, days: int) -> None:
    calendar = BusinessCalendar.model_validate({"timezone": "Asia/Kolkata", **SPECIAL})
    start = next_opening(calendar, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))
    second = next_opening(calendar, start + timedelta(minutes=later))
    assert add_working_days(calendar, start, days) <= add_working_days(calendar, second, days)


def counted_day_by_day(calendar: AnyCalendar, start: datetime, days: int) -> datetime:
    """The definition word for word, by the standard library's clock; without midnights that come twice or never."""
    zone = ZoneInfo(calendar.timezone)
    local = start.astimezone(zone)
    date = local.date()
    while days:
        date += timedelta(days=1)
        midnights = [datetime.combine(one, time(), zone) for one in (date, date + timedelta(days=1))]
        assume(all(one.utcoffset() == one.replace(fold=1).utcoffset() for one in midnights))
        days -= bool(business_time_between(calendar, *midnights))
    shown = datetime.combine(date, local.time(), zone)
    instant = shown.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != shown.replace(tzinfo=None):
        after, before = (shown.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1))
        skipped = before - after
        instant = (shown.astimezone(UTC) - skipped).replace(second=0, microsecond=0)
        while instant.astimezone(zone).replace(tzinfo=None) < shown.replace(tzinfo=None):
            instant += timedelta(seconds=1)
    return next_opening(calendar, instant)


@settings(max_examples=150, deadline=None)
@given(scenes(), microseconds, st.integers(1, 25))
def test_it_is_what_counting_day_by_day_gives(scene: CalendarCase, micros: timedelta, days: int) -> None:
    start = scene.at + micros
    assert add_working_days(scene.calendar, start, days) == counted_day_by_day(scene.calendar, start, days)
