"""The query parameter `as_of`: an instant that is not in the future."""

import re
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from shared.kit.clock import utc_now
from shared.kit.http.problems import Problem, not_found

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
LAST_YEAR = 2200
_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")


def _written_out(value: Any) -> Any:
    """Refuses numbers, which would be read as seconds since 1970."""
    if isinstance(value, str) and not _WRITTEN.match(value):
        raise ValueError("must be an instant of RFC 3339, such as 2026-11-27T14:30:00Z")
    return value


def in_the_past(at: datetime | None) -> datetime | None:
    """The instant in UTC. Raises ValueError for one in the future."""
    if at is None:
        return None
    if at.year < BEGINNING.year:
        return BEGINNING
    if at.year > LAST_YEAR or at > utc_now():
        raise ValueError("must not lie in the future")
    return at.astimezone(UTC)


AsOf = Annotated[
    AwareDatetime | None,
    BeforeValidator(_written_out),
    AfterValidator(in_the_past),
    Query(description="Instant of the past (RFC 3339): answers with what was so then"),
]


def parse_as_of(text: str, zone: tzinfo) -> datetime | None:
    """The instant that a form names, in the reader's time zone unless it says another; None if nothing is given.

    Raises Problem 422.
    """
    if not text.strip():
        return None
    try:
        at = datetime.fromisoformat(_written_out(text.strip()))
        return in_the_past(at if at.tzinfo is not None else at.replace(tzinfo=zone))
    except (ValueError, OverflowError) as wrong:
        detail = f"as_of: {wrong}"
        raise Problem(
            422, "invalid_input", detail, errors=[{"pointer": "query:as_of", "detail": str(wrong)}]
        ) from wrong


def check_existed(created_at: datetime, as_of: datetime) -> None:
    """Raises Problem 404 for an instant before a ticket was opened."""
    if as_of < created_at:
        raise not_found("ticket at that instant; it was opened later")
