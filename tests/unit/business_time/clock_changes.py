"""Finds the instants at which a zone's clocks are changed, so that tests can stand right before and after them."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

ALL_ZONES = sorted(available_timezones())
ODD = {
    "Africa/Casablanca": 2026,  # winter time for one month
    "Africa/Freetown": 1939,  # an offset that held for four days
    "Africa/Monrovia": 1972,  # 44 minutes and 30 seconds behind until then
    "America/Caracas": 2016,  # half an hour, for ever
    "America/Havana": 2026,  # at midnight
    "America/New_York": 2026,
    "America/St_Johns": 2010,  # one minute after midnight
    "Antarctica/Troll": 2026,  # by two hours
    "Asia/Beirut": 2024,
    "Asia/Gaza": 2040,  # an offset that holds for a week
    "Asia/Kathmandu": 2026,
    "Asia/Pyongyang": 2015,
    "Australia/Lord_Howe": 2026,  # by half an hour
    "Europe/Amsterdam": 1937,  # 19 minutes and 32 seconds ahead until then
    "Europe/Berlin": 2026,
    "Europe/Dublin": 1916,  # by 34 minutes and 39 seconds
    "Pacific/Apia": 2011,  # skipped a day
    "Pacific/Kiritimati": 1994,  # skipped a day
    "Pacific/Kwajalein": 1993,  # skipped a day
    "Pacific/Guam": 1969,
    "UTC": 2026,
}
"""Zones with a year in which they did something curious."""

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@cache
def changes_in(zone: str, year: int) -> tuple[datetime, ...]:
    """The first instants, in UTC and to the second, of each offset that the zone takes up in that year."""
    changes: list[datetime] = []
    here, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    while here < end:
        if _offset(zone, here + DAY) != _offset(zone, here):
            changes.append(_first_after(zone, here))
        here += DAY
    return tuple(changes)


def _offset(zone: str, at: datetime) -> timedelta:
    offset = at.astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return offset


def _first_after(zone: str, at: datetime) -> datetime:
    for unit in (timedelta(hours=1), timedelta(minutes=1), SECOND):
        while _offset(zone, at + unit) == _offset(zone, at):
            at += unit
    return at + SECOND
