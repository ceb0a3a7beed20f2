"""The countries and subdivisions whose public holidays the library knows."""

import re
from dataclasses import dataclass
from functools import cache

_CODE = re.compile(r"[A-Z0-9]{1,3}")
_SMALL_WORDS = frozenset({"and", "of", "the", "da"})


@dataclass(frozen=True, slots=True)
class HolidayCountry:
    """A country as `holiday_country` names it: `code` alone, or with one of its `subdivisions` as `DE-BY`."""

    code: str
    name: str | None
    subdivisions: tuple[str, ...]


@cache
def holiday_countries() -> tuple[HolidayCountry, ...]:
    """Returns all countries by code; the first call is slow, later ones are cached."""
    import holidays  # only who looks at calendars pays for the import
    from holidays.registry import COUNTRIES

    names = {entry[1]: _words(key) for key, entry in COUNTRIES.items()}
    known = holidays.list_supported_countries(include_aliases=False)
    return tuple(
        HolidayCountry(code, names.get(code), tuple(part for part in parts if _CODE.fullmatch(part)))
        for code, parts in sorted(known.items())
    )


def _words(key: str) -> str:
    return " ".join(word if word in _SMALL_WORDS else word.capitalize() for word in key.split("_"))
