"""Ticket numbers as people write them: `#100030`, `[#100030]`, `ticket #100030.`"""

import re
from unicodedata import normalize

_IN_WORDS = re.compile(r"(?:ticket\s*)?[\[(]?\s?#\s?([0-9A-Za-z-]{1,32})\s?[\])]?[.,:;!?]?", re.IGNORECASE)
_BEFORE_A_STOP = re.compile(r"([0-9]{4,32})[.,:;!?]")


def whole_number(text: str) -> str | None:
    """The number that a text is, if it is nothing else but that and is written with a sign or a stop."""
    whole = _IN_WORDS.fullmatch(text) or _BEFORE_A_STOP.fullmatch(text)
    return whole[1] if whole else None


def reference_in(text: str) -> str:
    """The number in `#100030`, ` 100030 `, `100030.` or `[#100030]`; any other text as it is, without its blanks."""
    plain = normalize("NFKC", text).strip()
    return whole_number(plain) or plain.lstrip("#")


def number_as_written(given: object) -> object:
    """For a field that takes a number: what `reference_in` finds in a text; what is no text as it is."""
    return reference_in(given) if isinstance(given, str) else given
