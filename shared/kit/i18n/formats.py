"""Dates, numbers, durations and sizes as the current language writes them.

English has its own short path: it is by far the most frequent, and a queue formats hundreds of instants.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from babel import Locale
from babel import lists as babel_lists
from babel.dates import format_skeleton
from babel.numbers import format_decimal
from babel.units import format_unit

from shared.kit.i18n.languages import current_language
from shared.kit.i18n.messages import gettext

UNITS = {"day": "d", "hour": "h", "minute": "min", "second": "s"}
SIZES = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def format_instant(at: datetime, *, has_long_month: bool = False) -> str:
    """Formats an instant in UTC: `28 Nov 2026, 17:38 UTC`, or with the month in full."""
    at = at.astimezone(UTC)
    locale = current_language().locale
    if locale == "en_GB":
        return at.strftime("%d %B %Y, %H:%M UTC" if has_long_month else "%d %b %Y, %H:%M UTC")
    day = format_skeleton("yMMMMd" if has_long_month else "yMMMd", at, locale=locale)
    return f"{day}, {at:%H:%M} UTC"


def format_short_instant(at: datetime) -> str:
    """Formats an instant in UTC without its year: `28 Nov, 17:38 UTC`."""
    at = at.astimezone(UTC)
    locale = current_language().locale
    if locale == "en_GB":
        return at.strftime("%d %b, %H:%M UTC")
    return f"{format_skeleton('MMMd', at, locale=locale)}, {at:%H:%M} UTC"


def format_number(number: float, decimals: int | None = None) -> str:
    """Formats a number with the locale's separators; with so many decimals, or those it has, three at most."""
    pattern = None if decimals is None else f"#,##0.{'0' * decimals}"
    return format_decimal(number, format=pattern, locale=current_language().locale)


def format_duration(seconds: float) -> str:
    """Formats seconds as days, hours and minutes: `3 d 4 h`, `2 h 5 min`."""
    minutes = round(abs(seconds) / 60)
    sign = "-" if seconds < 0 else ""
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    parts = [(days, "day"), (hours, "hour"), (0 if days else minutes, "minute")]
    shown = [_part(count, unit) for count, unit in parts if count] or [_part(0, "minute")]
    return sign + " ".join(shown)


def format_exact_duration(time: timedelta) -> str:
    """Formats a duration to the second, never in days, for a day of open time is no day: `26 h 3 s`."""
    seconds = round(time.total_seconds())
    if time and not seconds:
        return gettext("under %(time)s", time=_part(1, "second"))
    parts = [(seconds // 3600, "hour"), (seconds // 60 % 60, "minute"), (seconds % 60, "second")]
    return " ".join(_part(count, unit) for count, unit in parts if count) or _part(0, "minute")


def _part(count: int, unit: str) -> str:
    locale = current_language().locale
    if locale == "en_GB":
        return f"{count} {UNITS[unit]}"
    return format_unit(count, f"duration-{unit}", length="short", locale=locale)


def format_bytes(size: float) -> str:
    """Formats a number of bytes: `1.2 MB`."""
    if size == 1:
        return "1 Byte"
    for unit, name in SIZES:
        if size >= unit:
            return f"{_with_decimal(size / unit)} {name}"
    return f"{format_number(int(size))} Bytes"


def format_percent(number: float) -> str:
    """Formats a percentage with one decimal: `66.7 %`."""
    return f"{_with_decimal(number)} %"


def _with_decimal(number: float) -> str:
    return format_decimal(round(number, 1), format="#,##0.0", locale=current_language().locale)


def country_name(code: str) -> str | None:
    """Returns the name of an ISO 3166 country in the current language, or None for a code that CLDR does not know."""
    name: str | None = Locale.parse(current_language().locale).territories.get(code)
    return name


def format_list(names: Sequence[str], style: Literal["standard", "or"] = "standard") -> str:
    """Joins names: `subject, topic and answers`; with the style `or`: `open, pending or on hold`."""
    return babel_lists.format_list(names, style=style, locale=current_language().locale)


def format_ordinal(number: int) -> str:
    """Formats a number in a series: `3rd`; other languages than English write it with a full stop."""
    if current_language().locale != "en_GB":
        return f"{number}."
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
