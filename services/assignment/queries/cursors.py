"""Validates the parts of a pagination cursor."""

from datetime import datetime
from uuid import UUID

from shared.kit.http.problems import Problem


def bad_cursor() -> Problem:
    """The problem for an invalid cursor."""
    return Problem(422, "invalid_cursor", "use next_cursor of the page before, with the same sort and filters")


def instant_in(part: str | int) -> datetime:
    """An aware instant. Raises Problem 422."""
    try:
        at = datetime.fromisoformat(str(part))
    except ValueError:
        raise bad_cursor() from None
    if at.tzinfo is None:
        raise bad_cursor()
    return at


def uuid_in(part: str | int) -> UUID:
    """An id. Raises Problem 422."""
    try:
        return UUID(str(part))
    except ValueError:
        raise bad_cursor() from None


def number_in(part: str | int) -> int:
    """A number that fits a column. Raises Problem 422."""
    try:
        number = int(part)
    except ValueError:
        raise bad_cursor() from None
    if not 0 <= number < 2**31:
        raise bad_cursor()
    return number


def word_in(part: str | int) -> str:
    """A word PostgreSQL can take. Raises Problem 422."""
    word = str(part)
    if not word.isascii() or not word.isprintable():
        raise bad_cursor()
    return word
