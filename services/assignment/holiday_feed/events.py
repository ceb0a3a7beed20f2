"""Separates usable events of an iCalendar file from defective ones."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from icalendar import Calendar, Component

from services.assignment.holiday_feed.findings import UnreadableFeed
from shared.contracts.calendars import LAST_YEAR

MAX_EVENTS = 5000
MAX_NAME = 200
OLDEST_YEAR = 1000
"""Some programs start a series long ago to say always; before this, zones cannot be reckoned with."""
NEEDED = frozenset(
    {
        *("UID", "SEQUENCE", "RECURRENCE-ID", "STATUS", "TRANSP", "SUMMARY"),
        *("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE"),
    }
)
ONCE = ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID")
COARSE = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
FINE_PARTS = frozenset({"BYHOUR", "BYMINUTE", "BYSECOND"})


def calendars_in(raw: bytes) -> list[Calendar]:
    """Returns the calendars of a file. Raises UnreadableFeed."""
    try:
        found = Calendar.from_ical(raw, multiple=True)
    except ValueError as error:
        raise UnreadableFeed(f"this is not an iCalendar file: {plain(str(error)) or 'it cannot be parsed'}") from error
    calendars = [one for one in found if isinstance(one, Calendar)]
    if not calendars:
        raise UnreadableFeed("this is not an iCalendar file: it has no BEGIN:VCALENDAR")
    if sum(len(calendar.walk("VEVENT")) for calendar in calendars) > MAX_EVENTS:
        raise UnreadableFeed(f"this file has more than {MAX_EVENTS} events")
    return calendars


def take_sound_events(calendar: Calendar) -> Iterator[tuple[Component, str]]:
    """Keeps only valid events, reduced to their dates; yields the others with the reason.

    Events that share a UID by mistake get new ones, else all but one would be lost.
    """
    zones = [part for part in calendar.subcomponents if part.name == "VTIMEZONE"]
    sound: list[Component] = []
    taken: set[tuple[str, str]] = set()
    for event in calendar.walk("VEVENT"):
        event.subcomponents = []
        if (fault := _fault_of(event)) is not None:
            yield event, fault
            continue
        for name in set(event) - NEEDED:
            del event[name]
        _identify(event, taken, len(sound))
        sound.append(event)
    calendar.subcomponents = [*zones, *sound]


def moment_of(event: Component, name: str) -> Any:
    """Returns the date, instant or duration of a property."""
    value: Any = event[name]
    return value.dt


def plain(text: object) -> str | None:
    """Returns a property's text on one line, truncated to a name's length; None if empty."""
    first = text[0] if isinstance(text, list) and text else text
    words = "".join(letter if letter.isprintable() else " " for letter in str(first or "")).split()
    return " ".join(words)[:MAX_NAME].strip() or None


def _identify(event: Component, taken: set[tuple[str, str]], position: int) -> None:
    if "RECURRENCE-ID" in event:
        return
    key = (str(event.get("UID", "")), str(event.get("SEQUENCE", 0)))
    if not key[0] or key in taken:
        event["UID"] = f"{key[0]}#{position}"
    taken.add(key)


def _fault_of(event: Component) -> str | None:
    """Returns why the event has no usable date, or None."""
    broken = [name for name, _ in event.errors if name and name.upper() in NEEDED - {"SUMMARY", "SEQUENCE"}]
    if broken:
        return f"its {broken[0]} is not valid"
    if any(name == "SEQUENCE" for name, _ in event.errors):
        del event["SEQUENCE"]
    for name in ONCE:
        if isinstance(event.get(name), list):
            return f"it has more than one {name}"
    if "DTSTART" not in event:
        return "it has no DTSTART"
    return _fault_of_span(event) or _fault_of_rules(event)


def _fault_of_span(event: Component) -> str | None:
    start = moment_of(event, "DTSTART")
    end = moment_of(event, "DTEND") if "DTEND" in event else start
    if start.year < OLDEST_YEAR or max(start.year, end.year) > LAST_YEAR:
        return f"it is not within the years {OLDEST_YEAR} to {LAST_YEAR}"
    if "DURATION" in event and moment_of(event, "DURATION") < timedelta():
        return "it ends before it starts"
    if _kind(start) != _kind(end):
        return "its DTSTART and DTEND are not of one kind: dates, local times or instants"
    return "it ends before it starts" if end < start else None


def _kind(value: date | datetime) -> str:
    if not isinstance(value, datetime):
        return "date"
    return "local time" if value.tzinfo is None else "instant"


def _fault_of_rules(event: Component) -> str | None:
    given: Any = event.get("RRULE", [])
    for rule in given if isinstance(given, list) else [given]:
        if not COARSE.issuperset(str(one) for one in rule.get("FREQ", [""])) or FINE_PARTS & set(rule):
            return "it repeats within a day, which no holiday does"
        if any(number < 1 for name in ("COUNT", "INTERVAL") for number in rule.get(name, [])):
            return "its rule counts with numbers below one"
    return None
