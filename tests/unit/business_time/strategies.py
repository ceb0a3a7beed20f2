"""Random calendars of any zone around the days on which clocks change, so that every property meets awkward ones."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

from services.assignment.calendar_resolution import resolve
from shared.contracts.calendars import AnyCalendar, BusinessCalendar
from tests.unit.business_time.clock_changes import ALL_ZONES, ODD, changes_in
from tests.unit.business_time.oracle import WEEKDAYS

ALWAYS = {day: [["00:00", "24:00"]] for day in WEEKDAYS}


class CalendarCase(NamedTuple):
    """A calendar as JSON, the same as a model (as people state it, or as its snapshot), and an instant."""

    json: dict[str, Any]
    calendar: AnyCalendar
    at: datetime

    def __repr__(self) -> str:
        return f"{type(self.calendar).__name__} of {self.json} at {self.at.isoformat()}"


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
_zone_years = st.one_of(
    st.sampled_from(sorted(ODD.items())),
    st.tuples(st.sampled_from(ALL_ZONES), st.just(2026)),
    st.tuples(st.sampled_from(ALL_ZONES), st.integers(1902, 2100)),
)


@st.composite
def scenes(draw: st.DrawFn) -> CalendarCase:
    zone, year = draw(_zone_years)
    change = draw(st.sampled_from(changes_in(zone, year) or [datetime(year, 6, 15, tzinfo=UTC)]))
    near = st.integers(-3, 3).map(lambda days: str((change + timedelta(days=days)).date()))
    part_day = st.fixed_dictionaries({"date": near, "hours": _windows.filter(bool)})
    special_day = st.fixed_dictionaries({"date": near, "hours": _windows})
    json = {
        "timezone": zone,
        "weekly": draw(_weeks),
        "holidays": draw(st.lists(st.one_of(st.fixed_dictionaries({"date": near}), part_day), max_size=3)),
        "special_days": draw(st.lists(special_day, max_size=2, unique_by=lambda day: str(day["date"]))),
    }
    at = change + timedelta(seconds=draw(st.one_of(st.integers(-172_800, 172_800), st.integers(-2, 2))))
    return CalendarCase(json, draw(st.sampled_from([stated, snapshot]))(json, at), at)


def stated(json: dict[str, Any], _at: datetime) -> BusinessCalendar:
    return BusinessCalendar.model_validate(json)


def snapshot(json: dict[str, Any], at: datetime) -> AnyCalendar:
    return resolve(BusinessCalendar.model_validate(json), "standard", 1, at)


microseconds = st.one_of(st.just(0), st.integers(0, 59_999_999)).map(lambda micros: timedelta(microseconds=micros))
durations = st.one_of(
    st.integers(0, 20_000).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(0, 2_000_000).map(lambda seconds: timedelta(seconds=seconds)),
    st.timedeltas(min_value=timedelta(), max_value=timedelta(days=30)),
)
