"""Durations as administrators type and read them: `30m`, `4h`, `1h 30m`, `2d`, `2 working days`."""

import re

from shared.contracts.durations import MOST_DAYS, Duration, WorkingDays
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _
from shared.kit.i18n.vocabulary import working_days_text

_UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_WORDS = {
    "day": "d", "days": "d", "hour": "h", "hours": "h", "hr": "h", "hrs": "h", "min": "m", "mins": "m",
    "minute": "m", "minutes": "m", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "tag": "d", "tage": "d", "std": "h", "stunde": "h", "stunden": "h", "minuten": "m", "sekunde": "s", "sekunden": "s",
}  # fmt: skip
_PART = re.compile(r"(\d{1,9})\s*([a-z]+)")
_WORKING_DAYS = re.compile(r"(\d{1,9})\s*(?:wd|working\s+days?|business\s+days?|arbeitstage?)")
_CLOCK = re.compile(r"(\d{1,6}):([0-5]\d)")
RULE = _("Write a time such as 30m, 4h, 1h 30m, 2d (48 hours) or 2 working days")


def parse_duration_text(text: str) -> Duration | None:
    """The duration a text says, in seconds or working days; None for an empty one. Raises ValueError with the rule."""
    text = text.strip().lower()
    if not text:
        return None
    if days := _WORKING_DAYS.fullmatch(text):
        if not 1 <= int(days[1]) <= MOST_DAYS:
            raise ValueError(gettext("Write 1 to %(days)s working days", days=MOST_DAYS))
        return WorkingDays(working_days=int(days[1]))
    if clock := _CLOCK.fullmatch(text):
        return int(clock[1]) * 3600 + int(clock[2]) * 60
    return _sum_of_parts(text)


def _sum_of_parts(text: str) -> int:
    seconds = 0
    for number, unit in _PART.findall(text):
        letter = _WORDS.get(unit, unit)
        if letter not in _UNITS:
            raise ValueError(gettext(RULE))
        seconds += int(number) * _UNITS[letter]
    if _PART.sub("", text).strip(" ,") or not _PART.search(text):
        raise ValueError(gettext(RULE))
    return seconds


def format_duration_text(duration: Duration | None, *, has_days: bool = True) -> str:
    """The text that `parse_duration_text` reads back as the same duration; empty for None.

    Without `has_days` it counts in hours: a day of open time is easily taken for a working day.
    """
    if duration is None:
        return ""
    if isinstance(duration, WorkingDays):
        days = duration.working_days
        return working_days_text(days)
    if has_days and duration and duration % 86_400 == 0:
        return f"{duration // 86_400}d"
    hours, rest = divmod(duration, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if number]
    return " ".join(parts) or "0m"
