"""A second opinion on business time: walks minute by minute, comparing what the wall clock shows with the JSON."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Json = Mapping[str, Any]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTE = timedelta(minutes=1)


def minutes(since: datetime, until: datetime) -> Iterator[datetime]:
    while since < until:
        yield since
        since += MINUTE


def is_open(calendar: Json, at: datetime) -> bool:
    local = at.astimezone(ZoneInfo(calendar["timezone"]))
    today, clock = local.date(), f"{local:%H:%M}"
    return _shows(calendar, today, clock, _opened_by) and not _shows(calendar, today, clock, _closed_by)


def open_minutes(calendar: Json, since: datetime, until: datetime) -> int:
    return sum(is_open(calendar, minute) for minute in minutes(since, until))


def _shows(calendar: Json, today: date, clock: str, windows_of: Any) -> bool:
    started_today = any(
        start <= clock < end if start < end else start <= clock for start, end in windows_of(calendar, today)
    )
    yesterday = windows_of(calendar, today - timedelta(days=1))
    return started_today or any(end <= start and clock < end for start, end in yesterday)


def _opened_by(calendar: Json, day: date) -> list[list[str]]:
    special = [entry["hours"] for entry in calendar.get("special_days", []) if entry["date"] == str(day)]
    windows: list[list[str]] = special[0] if special else calendar["weekly"].get(WEEKDAYS[day.weekday()], [])
    return windows


def _closed_by(calendar: Json, day: date) -> list[list[str]]:
    closed: list[list[str]] = []
    for entry in calendar.get("holidays", []):
        if entry["date"] == str(day):
            closed += entry.get("hours") or [["00:00", "24:00"]]
    return closed
