"""Shows that a question without an answer is refused in words, and that no question runs for ever."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from services.assignment.calendar_resolution import resolve
from shared.contracts.calendars import AnyCalendar, BusinessCalendar, ResolvedCalendar
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
from tests.unit.business_time.strategies import ALWAYS

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOMENT = timedelta(microseconds=1)
OFFICE = {"mon": [["09:00", "17:00"]]}
CLOSED_DAY = {"weekly": {}, "special_days": [{"date": "2026-12-27", "hours": ALWAYS["mon"]}]}
FIRST, BEYOND = datetime(1900, 1, 1, tzinfo=UTC), datetime(2201, 1, 1, tzinfo=UTC)

Question = Callable[[AnyCalendar, datetime], object]
QUESTIONS: dict[str, Question] = {
    "add": lambda calendar, at: add_business_time(calendar, at, HOUR),
    "add nothing": lambda calendar, at: add_business_time(calendar, at, timedelta()),
    "between, from": lambda calendar, at: business_time_between(calendar, at, NOON),
    "between, to": lambda calendar, at: business_time_between(calendar, NOON, at),
    "is open": is_open,
    "next opening": next_opening,
    "next closing": next_closing,
}
every_question = pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)


def calendar(**changes: Any) -> BusinessCalendar:
    return BusinessCalendar.model_validate({"timezone": "Europe/Berlin", "weekly": OFFICE, **changes})


def never_open() -> list[AnyCalendar]:
    cancelled = calendar(**CLOSED_DAY, holidays=[{"date": "2026-12-27"}])
    by_parts = calendar(
        **CLOSED_DAY,
        holidays=[{"date": "2026-12-27", "hours": hours} for hours in ([["00:00", "12:00"]], [["12:00", "24:00"]])],
    )
    emptied = resolve(calendar(), "empty", 1, NOON).model_copy(update={"weekly": ((),) * 7})
    return [cancelled, by_parts, emptied, resolve(cancelled, "cancelled", 1, NOON)]


@every_question
@pytest.mark.parametrize("closed", never_open(), ids=["whole holiday", "two halves", "no week", "snapshot"])
def test_a_calendar_with_no_open_time_is_an_error_for_every_question(closed: AnyCalendar, ask: Question) -> None:
    with pytest.raises(NoOpenTime, match="no open time: give it weekly hours or special days"):
        ask(closed, NOON)


def test_a_calendar_that_states_no_hours_cannot_be_made() -> None:
    with pytest.raises(ValidationError, match="never opens"):
        calendar(weekly={}, special_days=[{"date": "2026-12-27", "hours": []}])


@every_question
def test_an_instant_without_a_zone_is_refused(ask: Question) -> None:
    with pytest.raises(NaiveInstant, match="2026-11-23T12:00:00 has no time zone"):
        ask(calendar(), datetime(2026, 11, 23, 12))  # noqa: DTZ001


@every_question
@pytest.mark.parametrize(
    "at", [FIRST - MOMENT, BEYOND, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)
def test_an_instant_outside_the_supported_years_is_refused(ask: Question, at: datetime) -> None:
    with pytest.raises(InstantOutOfRange, match="outside the years 1900 to 2200"):
        ask(calendar(), at)


def test_the_first_and_the_last_supported_instants_are_answered() -> None:
    assert next_opening(calendar(), FIRST) == datetime(1900, 1, 1, 8, tzinfo=UTC)
    assert not is_open(calendar(), BEYOND - MOMENT)
    assert business_time_between(calendar(timezone="UTC", weekly=ALWAYS), FIRST, BEYOND - MOMENT) == (
        BEYOND - FIRST - MOMENT
    )


@every_question
def test_a_country_not_yet_expanded_is_refused(ask: Question) -> None:
    with pytest.raises(HolidaysNotExpanded, match="DE are not dates yet"):
        ask(calendar(holiday_country="DE"), NOON)


@pytest.mark.parametrize("duration", [-MOMENT, -HOUR, timedelta.min])
def test_business_time_cannot_be_taken_away(duration: timedelta) -> None:
    with pytest.raises(NegativeDuration, match="runs forward only"):
        add_business_time(calendar(), NOON, duration)


@pytest.mark.parametrize("earlier", [timedelta(), MOMENT, HOUR, DAY, 3000 * DAY])
def test_reversed_instants_have_no_time_between_them(earlier: timedelta) -> None:
    for any_calendar in (calendar(), resolve(calendar(), "office", 1, NOON)):
        assert business_time_between(any_calendar, NOON, NOON - earlier) == timedelta()


@pytest.mark.parametrize("ask", [QUESTIONS["add"], QUESTIONS["add nothing"], next_opening, next_closing])
def test_after_the_last_opening_there_is_an_error_and_no_loop(ask: Question) -> None:
    once = calendar(**CLOSED_DAY)
    began = time.process_time()
    for any_calendar in (once, resolve(once, "once", 1, NOON)):
        with pytest.raises(NoOpenTime, match="in the twenty years after 20"):
            ask(any_calendar, datetime(2026, 12, 28, tzinfo=UTC))
    assert time.process_time() - began < 1


def test_more_time_than_is_ever_open_is_an_error() -> None:
    once = calendar(**CLOSED_DAY)
    assert add_business_time(once, NOON, DAY) == datetime(2026, 12, 27, 23, tzinfo=UTC)
    with pytest.raises(NoOpenTime):
        add_business_time(once, NOON, DAY + MOMENT)
    with pytest.raises(NoOpenTime):
        add_business_time(calendar(), NOON, timedelta.max)


@pytest.mark.parametrize(("years", "is_found"), [(1, True), (19, True), (21, False), (60, False)])
def test_an_opening_is_looked_for_over_twenty_years(years: int, is_found: bool) -> None:
    far = date(2026 + years, 11, 23)
    distant = calendar(weekly={}, special_days=[{"date": far, "hours": [["09:00", "17:00"]]}])
    if is_found:
        assert next_opening(distant, NOON) == datetime(far.year, 11, 23, 8, tzinfo=UTC)
    else:
        with pytest.raises(NoOpenTime):
            next_opening(distant, NOON)


def test_hours_without_a_closing_are_an_error_for_the_next_closing_only() -> None:
    always = calendar(timezone="UTC", weekly=ALWAYS)
    with pytest.raises(NeverCloses, match="does not close within twenty years"):
        next_closing(always, NOON)
    assert is_open(always, NOON)
    assert add_business_time(always, NOON, 3652 * DAY) == NOON + 3652 * DAY
    closed_in_2045 = calendar(timezone="UTC", weekly=ALWAYS, holidays=[{"date": "2045-01-01"}])
    assert next_closing(closed_in_2045, NOON) == datetime(2045, 1, 1, tzinfo=UTC)


def test_any_fixed_offset_is_taken_and_utc_is_answered() -> None:
    same = NOON.astimezone(timezone(timedelta(hours=-9, minutes=-30)))
    assert add_business_time(calendar(), same, HOUR) == NOON + HOUR
    assert add_business_time(calendar(), same, HOUR).tzinfo is UTC


def test_a_snapshot_without_an_opening_is_refused_as_a_calendar_is() -> None:
    emptied = resolve(calendar(), "empty", 1, NOON).model_dump() | {"weekly": ((),) * 7}
    with pytest.raises(NoOpenTime):
        next_opening(ResolvedCalendar.model_validate(emptied), NOON)
