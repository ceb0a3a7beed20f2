"""What old clients wrote as one line each: made fit for its field, and told of on the ticket where it was changed."""

import re

from services.intake.osticket.request_model import Value
from shared.contracts.redaction import redacted

MAX_LENGTH_SHOWN = 40
MAX_WHOLE_LINE = 10_000
"""Of a line that is too long for its field and is kept as a remark."""
MAX_PHONE = 40
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_NOT_DIALLED = re.compile(r"[^0-9+()./ xX-]+")
_DIGITS = re.compile(r"[0-9]")


def text_line(value: Value | None) -> str:
    """A value in one line: line breaks and tabs, which old forms let through, become blanks."""
    match value:
        case None | True | False | list():
            return ""
        case float() if value.is_integer():
            return str(int(value))
    return _CONTROLS.sub(" ", str(value)).strip()


def as_named(value: Value | None) -> str:
    """What a client wrote where one id or address belongs, a list too, in one line; empty for nothing."""
    if isinstance(value, list):
        return text_line(", ".join(value))
    return text_line(value)


def fitting(name: str, text: str, most: int) -> tuple[str, tuple[str, ...]]:
    """A text cut to what its field holds, as the old help desk did, and the whole of it as a remark."""
    if len(text) <= most:
        return text, ()
    return text[:most].strip(), (f"The whole {name}: {redacted(text[:MAX_WHOLE_LINE])}",)


def dialled(name: str, text: str) -> tuple[str, tuple[str, ...]]:
    """A telephone number without the words around it, as the old help desk took them out, and a remark if there were.

    A text without a digit is none, and comes back as it is.
    """
    if len(text) <= MAX_PHONE and not _NOT_DIALLED.search(text):
        return text, ()
    number = " ".join(_NOT_DIALLED.sub("", text).split()).strip(" ./-xX")[:MAX_PHONE].strip()
    if not _DIGITS.search(number):
        return text, ()
    return number, (f"The {name} as it was sent: {redacted(text[:MAX_WHOLE_LINE])}",)


def shortened(text: str) -> str:
    """A value as a remark on the ticket quotes it: in one line, of bounded length."""
    return repr(text[:MAX_LENGTH_SHOWN])
