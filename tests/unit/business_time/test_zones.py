"""Walks every zone of the world through its clock changes, and proves that none of them goes unseen."""

import struct
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

import pytest

from services.assignment.calendar_resolution import resolve
from shared.contracts.calendars import BusinessCalendar
from shared.domain.business_time import add_business_time, business_time_between, next_closing, next_opening
from shared.domain.business_time.offsets import STEP, Change, offset_at, offset_changes
from tests.unit.business_time.clock_changes import ALL_ZONES, ODD, changes_in
from tests.unit.business_time.oracle import WEEKDAYS, Oracle
from tests.unit.business_time.strategies import ALWAYS

AROUND = timedelta(hours=3)
NIGHTS = {day: [["23:30", "00:15"], ["00:45", "02:20"], ["02:40", "04:00"]] for day in WEEKDAYS}
CHANGED = [(zone, 2026) for zone in ALL_ZONES if changes_in(zone, 2026)]
CURIOUS = sorted((zone, year) for zone, year in ODD.items() if changes_in(zone, year) and (zone, year) not in CHANGED)
SINCE = int(datetime(1900, 1, 1, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(("zone", "year"), [*CHANGED, *CURIOUS])
def test_every_change_of_clocks_is_computed_to_the_second(zone: str, year: int) -> None:
    json = {"timezone": zone, "weekly": NIGHTS}
    stated, oracle = BusinessCalendar.model_validate(json), Oracle(json)
    for change in changes_in(zone, year):
        start, end = change - AROUND, change + AROUND
        counted = oracle.open_time(start, end)
        for calendar in (stated, resolve(stated, "nights", 1, change)):
            assert business_time_between(calendar, start, end) == counted
            assert business_time_between(calendar, start, change) == oracle.open_time(start, change)
            assert add_business_time(calendar, start, counted) == _last_closing(oracle, start, end)
            for at in (change - timedelta(seconds=1), change):
                opening = oracle.first(at, at + timedelta(days=1), is_open=True)
                assert opening is not None
                assert next_opening(calendar, at) == opening
                assert next_closing(calendar, at) == oracle.first(opening, at + timedelta(days=2), is_open=False)


def _last_closing(oracle: Oracle, start: datetime, end: datetime) -> datetime:
    return max(piece.until for piece in oracle.walk(start, end) if piece.is_open)


def test_many_zones_change_their_clocks() -> None:
    assert len(CHANGED) > 150
    assert len(CURIOUS) > 8


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("Antarctica/Troll", "2026-03-29", 22),
        ("Asia/Kathmandu", "2026-03-29", 24),
        ("Pacific/Apia", "2011-12-30", 0),
        ("Pacific/Kiritimati", "1994-12-31", 0),
        ("Pacific/Kwajalein", "1969-09-30", 47),
    ],
)
def test_a_day_lasts_as_long_as_its_clocks_say(zone: str, day: str, hours: float) -> None:
    only_that_day = {"timezone": zone, "weekly": {}, "special_days": [{"date": day, "hours": ALWAYS["mon"]}]}
    noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=ZoneInfo(zone))
    stated = BusinessCalendar.model_validate(only_that_day)
    for calendar in (stated, resolve(stated, "day", 1, noon)):
        elapsed = business_time_between(calendar, noon - timedelta(days=3), noon + timedelta(days=3))
        assert elapsed == timedelta(hours=hours)


def test_no_zone_keeps_an_offset_for_less_than_a_step_of_the_search() -> None:
    for zone in ALL_ZONES:
        moments = [moment for moment, _ in _listed_offsets(zone)]
        assert all(later - earlier > STEP for earlier, later in pairwise(moments[1:])), zone


@pytest.mark.parametrize("zone", sorted(ODD))
def test_every_change_that_a_zone_lists_is_found(zone: str) -> None:
    listed = _listed_offsets(zone)
    until = listed[-1][0] + 1
    assert [(SINCE, offset_at(ZoneInfo(zone), SINCE)), *offset_changes(ZoneInfo(zone), SINCE, until)] == listed


def _zone_data(zone: str) -> bytes:
    """The file that `ZoneInfo` reads: the machine's, else the package's."""
    paths = [Path(folder, zone) for folder in TZPATH]
    found = next((path for path in paths if path.is_file()), None)
    return found.read_bytes() if found else files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()


def _listed_offsets(zone: str) -> list[Change]:
    """The offsets that a zone's file lists, read by the book (RFC 9636), from `SINCE` on."""
    data = _zone_data(zone)
    at = 44 + _body_size(data) if data[4:5] >= b"2" else 0
    times, types = struct.unpack_from(">2L", data, at + 32)
    moments = struct.unpack_from(f">{times}q", data, at + 44)
    kinds = data[at + 44 + 8 * times : at + 44 + 9 * times]
    offsets = [offset for offset, _, _ in struct.iter_unpack(">lBB", data[at + 44 + 9 * times :][: 6 * types])]
    changes = [(moment, offsets[kind]) for moment, kind in zip(moments, kinds, strict=True)]
    initial = next((offset for moment, offset in reversed(changes) if moment <= SINCE), offsets[0])
    held = [(SINCE, initial), *(change for change in changes if change[0] > SINCE)]
    return [held[0], *(later for earlier, later in pairwise(held) if later[1] != earlier[1])]


def _body_size(data: bytes) -> int:
    utc, standard, leaps, times, types, letters = struct.unpack_from(">6L", data, 20)
    return int(times * 5 + types * 6 + letters + leaps * 8 + standard + utc)
