"""Proves the laws of business time on random calendars of any zone, and its answers against the oracle."""

from datetime import UTC, datetime, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.assignment.calendar_resolution import resolve
from shared.contracts.calendars import BusinessCalendar
from shared.domain.business_time import (
    add_business_time,
    business_time_between,
    is_open,
    next_closing,
    next_opening,
)
from tests.unit.business_time.oracle import MICROSECOND, Oracle
from tests.unit.business_time.strategies import CalendarCase, durations, microseconds, scenes

thorough = settings(max_examples=150, deadline=None)
walking = settings(max_examples=150, deadline=None)
WALKED = timedelta(days=3)


@walking
@given(scenes(), microseconds, st.integers(0, 180_000))
def test_agrees_with_a_walk_along_the_wall_clock(scene: CalendarCase, micros: timedelta, seconds: int) -> None:
    start = scene.at + micros
    end = start + timedelta(seconds=seconds)
    assert business_time_between(scene.calendar, start, end) == Oracle(scene.json).open_time(start, end)


@walking
@given(scenes(), microseconds, st.integers(1, 50_000))
def test_the_deadline_is_where_the_walk_has_counted_enough(
    scene: CalendarCase, micros: timedelta, seconds: int
) -> None:
    start, oracle = scene.at + micros, Oracle(scene.json)
    due = add_business_time(scene.calendar, start, timedelta(seconds=seconds))
    assume(due - start < WALKED)
    assert oracle.open_time(start, due) == timedelta(seconds=seconds)
    assert oracle.is_open(due - MICROSECOND)


@walking
@given(scenes(), microseconds)
def test_openings_and_closings_are_where_the_walk_sees_them(scene: CalendarCase, micros: timedelta) -> None:
    at, oracle = scene.at + micros, Oracle(scene.json)
    assert is_open(scene.calendar, at) == oracle.is_open(at)
    opening = next_opening(scene.calendar, at)
    assert oracle.first(at, at + WALKED, is_open=True) == (opening if opening < at + WALKED else None)
    assume(opening < at + WALKED)
    closing = oracle.first(opening, opening + WALKED, is_open=False)
    assert closing is None or next_closing(scene.calendar, at) == closing


@thorough
@given(scenes(), microseconds, durations)
def test_the_time_between_start_and_deadline_is_what_was_added(
    scene: CalendarCase, micros: timedelta, duration: timedelta
) -> None:
    calendar, start = scene.calendar, scene.at + micros
    due = add_business_time(calendar, start, duration)
    assert business_time_between(calendar, start, due) == duration
    assert is_open(calendar, due - MICROSECOND if duration else due)


@thorough
@given(scenes(), microseconds, durations)
def test_adding_the_time_between_never_overshoots(scene: CalendarCase, micros: timedelta, duration: timedelta) -> None:
    calendar, start = scene.calendar, scene.at
    end = start + duration + micros
    elapsed = business_time_between(calendar, start, end)
    if elapsed:
        due = add_business_time(calendar, start, elapsed)
        assert due <= end
        assert not business_time_between(calendar, due, end)


@thorough
@given(scenes(), durations, durations)
def test_elapsed_time_adds_up(scene: CalendarCase, first: timedelta, second: timedelta) -> None:
    calendar, start = scene.calendar, scene.at
    middle, end = start + first, start + first + second
    parts = business_time_between(calendar, start, middle) + business_time_between(calendar, middle, end)
    assert parts == business_time_between(calendar, start, end)
    assert business_time_between(calendar, end, start) == timedelta()


@thorough
@given(scenes(), durations, durations)
def test_added_time_adds_up(scene: CalendarCase, first: timedelta, second: timedelta) -> None:
    calendar, start = scene.calendar, scene.at
    if second:
        at_once = add_business_time(calendar, start, first + second)
        assert add_business_time(calendar, add_business_time(calendar, start, first), second) == at_once


@thorough
@given(scenes(), durations, durations, durations)
def test_a_later_start_or_a_longer_target_is_never_due_earlier(
    scene: CalendarCase, delay: timedelta, target: timedelta, more: timedelta
) -> None:
    calendar, start = scene.calendar, scene.at
    due = add_business_time(calendar, start, target)
    assert due <= add_business_time(calendar, start + delay, target)
    if target:
        assert due <= add_business_time(calendar, start, target + more)


@thorough
@given(scenes(), durations, st.integers(0, 8 * 365))
def test_the_snapshot_answers_as_the_calendar_does(scene: CalendarCase, duration: timedelta, later: int) -> None:
    calendar, start = BusinessCalendar.model_validate(scene.json), scene.at
    snapshot = resolve(calendar, "standard", 1, start)
    horizon = datetime(snapshot.known_until.year, 12, 31, tzinfo=UTC)
    for at in (start, start + timedelta(days=later)):
        assert is_open(snapshot, at) == is_open(calendar, at)
        assert next_opening(snapshot, at) == next_opening(calendar, at)
        elapsed = business_time_between(calendar, start, at + duration)
        assert business_time_between(snapshot, start, at + duration) == elapsed
        due = add_business_time(calendar, at, duration)
        assert add_business_time(snapshot, at, duration) == due or due > horizon
