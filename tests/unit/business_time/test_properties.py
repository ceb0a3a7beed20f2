"""Proves the laws of business time on random calendars, and its answers against the minute-by-minute oracle."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.business_time import (
    add_business_time,
    business_time_between,
    is_open,
    next_closing,
    next_opening,
)
from shared.kit.calendars import resolve
from tests.unit.business_time import oracle
from tests.unit.business_time.strategies import Scene, business, durations, microseconds, scenes

MICROSECOND = timedelta(microseconds=1)
thorough = settings(max_examples=150, deadline=None)
walking = settings(max_examples=120, deadline=None)


@walking
@given(scenes(), st.integers(0, 3000))
def test_agrees_with_a_walk_minute_by_minute(scene: Scene, length: int) -> None:
    calendar, start = scene
    end = start + timedelta(minutes=length)
    elapsed = business_time_between(business(calendar), start, end)
    assert elapsed == oracle.open_minutes(calendar, start, end) * oracle.MINUTE


@walking
@given(scenes(), st.integers(1, 900))
def test_the_deadline_is_where_the_walk_has_counted_enough(scene: Scene, target: int) -> None:
    calendar, start = scene
    due = add_business_time(business(calendar), start, timedelta(minutes=target))
    if due - start < timedelta(days=5):
        assert oracle.open_minutes(calendar, start, due) == target
        assert oracle.is_open(calendar, due - oracle.MINUTE)


@walking
@given(scenes())
def test_openings_and_closings_are_where_the_walk_sees_them(scene: Scene) -> None:
    calendar, at = scene
    model = business(calendar)
    assert is_open(model, at) == oracle.is_open(calendar, at)
    opening = next_opening(model, at)
    if opening - at < timedelta(days=5):
        assert oracle.is_open(calendar, opening)
        assert oracle.open_minutes(calendar, at, opening) == 0
    if any(not oracle.is_open(calendar, minute) for minute in oracle.minutes(opening, opening + timedelta(days=2))):
        closing = next_closing(model, at)
        assert not oracle.is_open(calendar, closing)
        assert all(oracle.is_open(calendar, minute) for minute in oracle.minutes(opening, closing))


@thorough
@given(scenes(), microseconds, durations)
def test_the_time_between_start_and_deadline_is_what_was_added(scene: Scene, micros: int, duration: timedelta) -> None:
    calendar, start = business(scene[0]), scene[1] + micros * MICROSECOND
    due = add_business_time(calendar, start, duration)
    assert business_time_between(calendar, start, due) == duration
    assert is_open(calendar, due - MICROSECOND if duration else due)


@thorough
@given(scenes(), microseconds, durations)
def test_adding_the_time_between_never_overshoots(scene: Scene, micros: int, duration: timedelta) -> None:
    calendar, start = business(scene[0]), scene[1]
    end = start + duration + micros * MICROSECOND
    elapsed = business_time_between(calendar, start, end)
    if elapsed:
        due = add_business_time(calendar, start, elapsed)
        assert due <= end
        assert not business_time_between(calendar, due, end)


@thorough
@given(scenes(), durations, durations)
def test_elapsed_time_adds_up(scene: Scene, first: timedelta, second: timedelta) -> None:
    calendar, start = business(scene[0]), scene[1]
    middle, end = start + first, start + first + second
    parts = business_time_between(calendar, start, middle) + business_time_between(calendar, middle, end)
    assert parts == business_time_between(calendar, start, end)
    assert business_time_between(calendar, end, start) == timedelta()


@thorough
@given(scenes(), durations, durations)
def test_added_time_adds_up(scene: Scene, first: timedelta, second: timedelta) -> None:
    calendar, start = business(scene[0]), scene[1]
    if second:
        at_once = add_business_time(calendar, start, first + second)
        assert add_business_time(calendar, add_business_time(calendar, start, first), second) == at_once


@thorough
@given(scenes(), durations, durations, durations)
def test_a_later_start_or_a_longer_target_is_never_due_earlier(
    scene: Scene, delay: timedelta, target: timedelta, more: timedelta
) -> None:
    calendar, start = business(scene[0]), scene[1]
    due = add_business_time(calendar, start, target)
    assert due <= add_business_time(calendar, start + delay, target)
    if target:
        assert due <= add_business_time(calendar, start, target + more)


@thorough
@given(scenes(), durations, st.integers(0, 8 * 365))
def test_the_snapshot_answers_as_the_calendar_does(scene: Scene, duration: timedelta, later: int) -> None:
    calendar, start = business(scene[0]), scene[1]
    snapshot = resolve(calendar, "standard", 1, start)
    horizon = datetime(snapshot.known_until.year, 12, 31, tzinfo=UTC)
    for at in (start, start + timedelta(days=later)):
        assert is_open(snapshot, at) == is_open(calendar, at)
        assert next_opening(snapshot, at) == next_opening(calendar, at)
        elapsed = business_time_between(calendar, start, at + duration)
        assert business_time_between(snapshot, start, at + duration) == elapsed
        due = add_business_time(calendar, at, duration)
        assert add_business_time(snapshot, at, duration) == due or due > horizon
