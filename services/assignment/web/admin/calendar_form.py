"""The form of a calendar: business hours per weekday, holidays and special days as lines of text."""

import datetime as dt
import re
from typing import Any

from services.assignment.web.admin.submitted_form import SubmittedForm, refuse_field
from services.assignment.web.weekdays import DAYS, SHORT_DAYS
from shared.contracts.calendars import WEEKDAYS, BusinessCalendar, Windows, window_minutes
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

_WINDOW = re.compile(r"(\d{1,2}:\d{2})\s*(?:-|\u2013|to)\s*(\d{1,2}:\d{2})")
_LINE = re.compile(r"(\S+)(.*)")
HOURS_RULE = _("Write from and to, such as 09:00-12:30, 13:30-17:00; leave it empty for a closed day")
HOLIDAY_RULE = _("Write one day per line: 2026-12-25 Christmas, or 2026-12-24 13:00-24:00 Christmas Eve")
SPECIAL_RULE = _("Write one day per line with its hours: 2026-12-27 10:00-14:00 Sale")


def calendar_fields(form: SubmittedForm) -> dict[str, Any]:
    """The calendar that a form says, as the API takes it. Raises FormRefused for a field that cannot be read."""
    return {
        "name": form.text("name"),
        "timezone": form.text("timezone"),
        "weekly": {day: _hours(form, day) for day in WEEKDAYS},
        "holidays": [_holiday(line) for line in _lines(form, "holidays")],
        "special_days": [_special_day(line) for line in _lines(form, "special_days")],
        "holiday_country": form.optional("holiday_country"),
    }


def calendar_values(calendar: BusinessCalendar) -> dict[str, Any]:
    """A calendar as the fields of the form show it."""
    return {
        "timezone": calendar.timezone,
        **{day: format_hours(calendar.weekly.on(day)) for day in WEEKDAYS},
        "holidays": "\n".join(_line(day.date, day.hours or (), day.name) for day in calendar.holidays),
        "special_days": "\n".join(_line(day.date, day.hours, day.name) for day in calendar.special_days),
        "holiday_country": calendar.holiday_country or "",
    }


def format_hours(windows: Windows) -> str:
    """The windows of a day as the form takes them."""
    return ", ".join("-".join(window) for window in windows)


def week_bars(calendar: BusinessCalendar) -> list[tuple[str, str, str, list[tuple[float, float]]]]:
    """Each weekday's name, long and short, its hours in words, and where its windows lie: start and width in percent.

    A window that runs past midnight is cut there; its rest is shown on the day after.
    """
    spans: dict[int, list[tuple[int, int]]] = {number: [] for number in range(7)}
    for number, day in enumerate(WEEKDAYS):
        for start, end in map(window_minutes, calendar.weekly.on(day)):
            spans[number].append((start, min(end, 1440)))
            if end > 1440:
                spans[(number + 1) % 7].append((0, end - 1440))
    return [
        (
            gettext(DAYS[day]),
            gettext(SHORT_DAYS[day]),
            format_hours(calendar.weekly.on(day)) or gettext("closed"),
            [(start / 14.4, (end - start) / 14.4) for start, end in sorted(spans[number])],
        )
        for number, day in enumerate(WEEKDAYS)
    ]


def field_of(place: tuple[Any, ...]) -> str:
    """The field for a place in the calendar's JSON, such as ("weekly", "mon", 0)."""
    match [str(part) for part in place]:
        case ["weekly", day, *_]:
            return day
        case [name, *_]:
            return name
    return "form"


def _hours(form: SubmittedForm, day: str) -> list[list[str]]:
    text = form.text(day)
    windows = _windows(text)
    if _WINDOW.sub("", text).strip(" ,;"):
        raise refuse_field(day, gettext(HOURS_RULE))
    return windows


def _windows(text: str) -> list[list[str]]:
    return [[_padded(start), _padded(end)] for start, end in _WINDOW.findall(text)]


def _padded(clock: str) -> str:
    return clock.rjust(5, "0")


def _lines(form: SubmittedForm, name: str) -> list[tuple[str, list[list[str]], str]]:
    """Date, hours and name of each line. Raises FormRefused with the line that cannot be read."""
    found = []
    for line in filter(None, map(str.strip, form.raw(name).split("\n"))):
        match = _LINE.fullmatch(line)
        if match is None or not _is_date(match[1]):
            rule = gettext(HOLIDAY_RULE if name == "holidays" else SPECIAL_RULE)
            raise refuse_field(name, gettext("“%(line)s” is not understood. %(rule)s", line=line[:60], rule=rule))
        rest = match[2]
        found.append((match[1], _windows(rest), " ".join(_WINDOW.sub(" ", rest).strip(" ,").split())))
    return found


def _is_date(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _holiday(line: tuple[str, list[list[str]], str]) -> dict[str, Any]:
    date, hours, name = line
    return {"date": date, "hours": hours or None, "name": name or None}


def _special_day(line: tuple[str, list[list[str]], str]) -> dict[str, Any]:
    date, hours, name = line
    return {"date": date, "hours": hours, "name": name or None}


def _line(date: dt.date, hours: Windows, name: str | None) -> str:
    return " ".join(filter(None, (date.isoformat(), format_hours(hours), name)))
