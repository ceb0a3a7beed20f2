"""Random calendars around the days on which clocks change, so that every property meets the awkward ones."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from shared.contracts.calendars import BusinessCalendar

CLOCK_CHANGES = {
    "UTC": ["2026-03-29T01:00"],
    "Europe/Berlin": ["2026-03-29T01:00", "2026-10-25T01:00"],
    "America/New_York": ["2026-03-08T07:00", "2026-11-01T06:00"],
    "America/Havana": ["2026-03-08T05:00", "2026-11-01T05:00"],
    "America/St_Johns": ["2010-03-14T03:31", "2010-11-07T02:31"],
    "Asia/Kathmandu": ["2026-06-15T00:00"],
    "Asia/Beirut": ["2024-03-30T22:00", "2024-10-26T21:00"],
    "Australia/Lord_Howe": ["2026-04-04T15:00", "2026-10-03T15:30"],
    "Africa/Casablanca": ["2026-02-15T02:00", "2026-03-22T02:00"],
    "Pacific/Apia": ["2011-12-30T10:00", "2012-03-31T14:00"],
}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = {day: [["00:00", "24:00"]] for day in WEEKDAYS}
Scene = tuple[dict[str, Any], datetime]
"""A calendar's JSON and an instant near a change of its clocks."""


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


_times = st.one_of(
    st.integers(0, 1439).map(_clock),
    st.integers(0, 47).map(lambda half_hours: _clock(half_hours * 30)),
    st.sampled_from(["00:00", "00:30", "01:30", "02:00", "02:30", "03:00", "23:00", "23:30"]),
)
_windows = st.lists(st.tuples(_times, st.one_of(_times, st.just("24:00"))).map(list), max_size=3)
_weeks = st.one_of(
    st.just(ALWAYS),
    st.fixed_dictionaries(dict.fromkeys(WEEKDAYS, _windows)).filter(lambda week: any(week.values())),
)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    zone = draw(st.sampled_from(sorted(CLOCK_CHANGES)))
    change = datetime.fromisoformat(draw(st.sampled_from(CLOCK_CHANGES[zone]))).replace(tzinfo=UTC)
    near = st.integers(-3, 3).map(lambda days: str((change + timedelta(days=days)).date()))
    part_day = st.fixed_dictionaries({"date": near, "hours": _windows.filter(bool)})
    calendar = {
        "timezone": zone,
        "weekly": draw(_weeks),
        "holidays": draw(st.lists(st.one_of(st.fixed_dictionaries({"date": near}), part_day), max_size=3)),
        "special_days": draw(
            st.lists(
                st.fixed_dictionaries({"date": near, "hours": _windows}),
                max_size=2,
                unique_by=lambda day: str(day["date"]),
            )
        ),
    }
    return calendar, change + timedelta(minutes=draw(st.integers(-2880, 2880)))


def business(calendar: dict[str, Any]) -> BusinessCalendar:
    return BusinessCalendar.model_validate(calendar)


microseconds = st.one_of(st.just(0), st.integers(0, 59_999_999))
durations = st.one_of(
    st.integers(0, 20_000).map(lambda minutes: timedelta(minutes=minutes)),
    st.timedeltas(min_value=timedelta(), max_value=timedelta(days=30)),
)
