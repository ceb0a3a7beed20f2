"""States business time as a table: each row is a question an administrator would ask, with the answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.contracts.calendars import BusinessCalendar
from shared.domain.business_time import (
    HolidaysNotExpanded,
    InstantOutOfRange,
    NaiveInstant,
    NegativeDuration,
    NeverCloses,
    NoOpenTime,
    add_business_time,
    business_time_between,
    is_open,
    next_closing,
    next_opening,
)

OFFICE = [["09:00", "12:30"], ["13:30", "17:00"]]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
ALWAYS = {day: [["00:00", "24:00"]] for day in (*WEEKDAYS, "sat", "sun")}
NIGHTS: dict[str, Any] = {"timezone": "UTC", "weekly": {"fri": [["22:00", "06:00"]]}}
HALF_EVE = {"date": "2026-12-24", "hours": [["13:00", "24:00"]]}


def calendar(**changes: Any) -> BusinessCalendar:
    office = {"timezone": "Europe/Berlin", "weekly": dict.fromkeys(WEEKDAYS, OFFICE)}
    return BusinessCalendar.model_validate({**office, **changes})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


BERLIN = calendar()
BERLIN_ALWAYS = calendar(weekly=ALWAYS)
HAVANA_SUNDAYS = calendar(timezone="America/Havana", weekly={"sun": [["00:00", "24:00"]]})
APIA_ALWAYS = calendar(timezone="Pacific/Apia", weekly=ALWAYS)
IN_REPEATED_HOUR = calendar(weekly={"sun": [["02:00", "02:30"]]})
IN_SKIPPED_HOUR = calendar(weekly={"sun": [["02:00", "03:00"]], "mon": [["09:00", "10:00"]]})
CHRISTMAS = calendar(holidays=[{"date": "2026-12-25"}, HALF_EVE])

DEADLINES: list[tuple[str, BusinessCalendar, str, timedelta, str]] = [
    ("inside the morning", BERLIN, "2026-11-23T09:00+01:00", hours(1), "2026-11-23T10:00+01:00"),
    ("over lunch", BERLIN, "2026-11-23T12:00+01:00", hours(1), "2026-11-23T14:00+01:00"),
    ("runs out at lunch: due at lunch", BERLIN, "2026-11-23T12:00+01:00", hours(0.5), "2026-11-23T12:30+01:00"),
    ("runs out at closing: due at closing", BERLIN, "2026-11-23T16:00+01:00", hours(1), "2026-11-23T17:00+01:00"),
    ("a microsecond over: due next day", BERLIN, "2026-11-23T16:00:00.000001+01:00", hours(1),
     "2026-11-24T09:00:00.000001+01:00"),
    ("before hours", BERLIN, "2026-11-23T03:00+01:00", hours(1), "2026-11-23T10:00+01:00"),
    ("from a closing", BERLIN, "2026-11-23T17:00+01:00", hours(1), "2026-11-24T10:00+01:00"),
    ("Friday evening", BERLIN, "2026-11-20T16:30+01:00", hours(1), "2026-11-23T09:30+01:00"),
    ("zero while open", BERLIN, "2026-11-23T10:00:00.5+01:00", hours(0), "2026-11-23T10:00:00.5+01:00"),
    ("zero while closed", BERLIN, "2026-11-21T10:00+01:00", hours(0), "2026-11-23T09:00+01:00"),
    ("zero at a closing", BERLIN, "2026-11-23T17:00+01:00", hours(0), "2026-11-24T09:00+01:00"),
    ("over a holiday and half a day before", CHRISTMAS, "2026-12-24T12:00+01:00", hours(1),
     "2026-12-28T09:30+01:00"),
    ("a special Sunday", calendar(special_days=[{"date": "2026-12-27", "hours": [["10:00", "14:00"]]}]),
     "2026-12-25T17:00+01:00", hours(5), "2026-12-28T10:00+01:00"),
    ("a special day replaces the weekday",
     calendar(special_days=[{"date": "2026-11-23", "hours": [["18:00", "19:00"]]}]),
     "2026-11-23T08:00+01:00", hours(0), "2026-11-23T18:00+01:00"),
    ("a special day without hours is closed", calendar(special_days=[{"date": "2026-11-23", "hours": []}]),
     "2026-11-23T08:00+01:00", hours(0), "2026-11-24T09:00+01:00"),
    ("a holiday beats a special day",
     calendar(holidays=[{"date": "2026-11-23"}], special_days=[{"date": "2026-11-23", "hours": [["18:00", "19:00"]]}]),
     "2026-11-23T08:00+01:00", hours(0), "2026-11-24T09:00+01:00"),
    ("overnight into Saturday", calendar(**NIGHTS), "2026-11-20T23:00Z", hours(6), "2026-11-21T05:00+00:00"),
    ("overnight, then a week later", calendar(**NIGHTS), "2026-11-21T05:00Z", hours(2), "2026-11-27T23:00+00:00"),
    ("a holiday cuts what the evening before spills", calendar(**NIGHTS, holidays=[{"date": "2026-11-21"}]),
     "2026-11-20T23:00Z", hours(2), "2026-11-27T23:00+00:00"),
    ("a holiday leaves what its own evening spills", calendar(**NIGHTS, holidays=[{"date": "2026-11-20"}]),
     "2026-11-20T12:00Z", hours(1), "2026-11-21T01:00+00:00"),
    ("a closed part runs overnight too",
     calendar(**NIGHTS, holidays=[{"date": "2026-11-20", "hours": [["23:00", "02:00"]]}]),
     "2026-11-20T22:00Z", hours(2), "2026-11-21T03:00+00:00"),
    ("through the skipped hour", BERLIN_ALWAYS, "2026-03-29T00:00+01:00", hours(23), "2026-03-30T00:00+02:00"),
    ("through the repeated hour", BERLIN_ALWAYS, "2026-10-25T00:00+02:00", hours(25), "2026-10-26T00:00+01:00"),
    ("a window wholly in the skipped hour is not opened", IN_SKIPPED_HOUR, "2026-03-28T12:00+01:00", hours(1),
     "2026-03-30T10:00+02:00"),
    ("a window in the repeated hour opens twice", IN_REPEATED_HOUR, "2026-10-25T00:00+02:00", hours(1),
     "2026-10-25T02:30+01:00"),
    ("a day may be skipped altogether", APIA_ALWAYS, "2011-12-29T12:00-10:00", hours(24), "2011-12-31T12:00+14:00"),
]  # fmt: skip

ELAPSED: list[tuple[str, BusinessCalendar, str, str, timedelta]] = [
    ("an office day", BERLIN, "2026-11-23T00:00+01:00", "2026-11-24T00:00+01:00", hours(7)),
    ("an office week", BERLIN, "2026-11-23T00:00+01:00", "2026-11-30T00:00+01:00", hours(35)),
    ("reversed is none", BERLIN, "2026-11-24T00:00+01:00", "2026-11-23T00:00+01:00", hours(0)),
    ("a closing does not count", BERLIN, "2026-11-23T17:00+01:00", "2026-11-23T17:01+01:00", hours(0)),
    ("a day of 23 hours", BERLIN_ALWAYS, "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00", hours(23)),
    ("a day of 25 hours", BERLIN_ALWAYS, "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00", hours(25)),
    ("midnight itself repeated", HAVANA_SUNDAYS, "2026-11-01T00:00-04:00", "2026-11-02T00:00-05:00", hours(25)),
    ("midnight itself skipped", HAVANA_SUNDAYS, "2026-03-07T00:00-05:00", "2026-03-10T00:00-04:00", hours(23)),
    ("overlapping windows count once", calendar(weekly={"mon": [["09:00", "12:00"], ["11:00", "13:00"]]}),
     "2026-11-23T00:00Z", "2026-11-24T00:00Z", hours(4)),
    ("an overnight window and the next morning's",
     calendar(weekly={"mon": [["22:00", "06:00"]], "tue": [["05:00", "07:00"]]}),
     "2026-11-23T00:00+01:00", "2026-11-25T00:00+01:00", hours(9)),
    ("from nine to nine is a day", calendar(weekly={"mon": [["09:00", "09:00"]]}),
     "2026-11-23T00:00Z", "2026-11-25T00:00Z", hours(24)),
    ("a half holiday", CHRISTMAS, "2026-12-24T00:00+01:00", "2026-12-26T00:00+01:00", hours(3.5)),
]  # fmt: skip


@pytest.mark.parametrize(("why", "model", "start", "duration", "due"), DEADLINES, ids=[row[0] for row in DEADLINES])
def test_a_deadline_falls_where_open_time_runs_out(
    why: str, model: BusinessCalendar, start: str, duration: timedelta, due: str
) -> None:
    answer = add_business_time(model, at(start), duration)
    assert answer == at(due), why
    assert answer.tzinfo is UTC


@pytest.mark.parametrize(("why", "model", "start", "end", "elapsed"), ELAPSED, ids=[row[0] for row in ELAPSED])
def test_elapsed_time_counts_open_time_only(
    why: str, model: BusinessCalendar, start: str, end: str, elapsed: timedelta
) -> None:
    assert business_time_between(model, at(start), at(end)) == elapsed, why


def test_an_opening_is_open_and_a_closing_is_not() -> None:
    assert is_open(BERLIN, at("2026-11-23T09:00+01:00"))
    assert not is_open(BERLIN, at("2026-11-23T08:59:59.999999+01:00"))
    assert is_open(BERLIN, at("2026-11-23T16:59:59.999999+01:00"))
    assert not is_open(BERLIN, at("2026-11-23T17:00+01:00"))


def test_windows_that_meet_at_midnight_close_once() -> None:
    weekend = calendar(timezone="UTC", weekly={"sat": [["08:00", "24:00"]], "sun": [["00:00", "20:00"]]})
    assert next_closing(weekend, at("2026-11-21T10:00Z")) == at("2026-11-22T20:00Z")


def test_closed_hours_are_followed_by_the_next_opening_and_its_closing() -> None:
    evening = at("2026-11-20T17:00+01:00")
    assert next_opening(BERLIN, evening) == at("2026-11-23T09:00+01:00")
    assert next_closing(BERLIN, evening) == at("2026-11-23T12:30+01:00")


def test_a_calendar_that_is_always_open_never_closes() -> None:
    with pytest.raises(NeverCloses, match="twenty years"):
        next_closing(BERLIN_ALWAYS, at("2026-11-23T09:00Z"))


def test_a_calendar_whose_only_day_is_a_holiday_has_no_open_time() -> None:
    day = "2026-11-23"
    shut = calendar(weekly={}, special_days=[{"date": day, "hours": OFFICE}], holidays=[{"date": day}])
    for ask in (is_open, next_opening, next_closing):
        with pytest.raises(NoOpenTime):
            ask(shut, at("2026-11-23T09:00Z"))
    with pytest.raises(NoOpenTime):
        add_business_time(shut, at("2026-11-23T09:00Z"), hours(1))
    with pytest.raises(NoOpenTime):
        business_time_between(shut, at("2026-11-23T09:00Z"), at("2026-11-24T09:00Z"))


def test_a_calendar_that_has_ended_is_an_error_not_a_loop() -> None:
    once = calendar(weekly={}, special_days=[{"date": "2026-11-23", "hours": OFFICE}])
    assert add_business_time(once, at("2026-11-23T00:00Z"), hours(7)) == at("2026-11-23T17:00+01:00")
    with pytest.raises(NoOpenTime, match="twenty years after 2026-11-23T16:00"):
        add_business_time(once, at("2026-11-23T00:00Z"), hours(8))
    with pytest.raises(NoOpenTime):
        next_opening(once, at("2026-11-24T00:00Z"))


def test_an_opening_more_than_twenty_years_away_is_an_error() -> None:
    far = [{"date": day, "hours": OFFICE} for day in ("2026-11-23", "2045-11-23", "2070-11-23")]
    rare = calendar(weekly={}, special_days=far)
    assert next_opening(rare, at("2026-11-24T00:00Z")) == at("2045-11-23T09:00+01:00")
    with pytest.raises(NoOpenTime, match="twenty years after"):
        next_opening(rare, at("2045-11-24T00:00Z"))


def test_a_target_beyond_the_supported_years_is_an_error() -> None:
    with pytest.raises(NoOpenTime):
        add_business_time(BERLIN, at("2026-11-23T00:00Z"), timedelta(days=200_000))


def test_what_cannot_be_meant_is_refused() -> None:
    noon = at("2026-11-23T12:00Z")
    naive = noon.replace(tzinfo=None)
    with pytest.raises(NaiveInstant, match="time zone"):
        is_open(BERLIN, naive)
    with pytest.raises(NaiveInstant):
        business_time_between(BERLIN, noon, naive)
    with pytest.raises(NegativeDuration):
        add_business_time(BERLIN, noon, -timedelta(microseconds=1))
    with pytest.raises(InstantOutOfRange, match="1900 to 2200"):
        next_opening(BERLIN, datetime.max.replace(tzinfo=UTC))
    with pytest.raises(HolidaysNotExpanded, match="expand_holidays"):
        is_open(calendar(holiday_country="DE"), noon)
