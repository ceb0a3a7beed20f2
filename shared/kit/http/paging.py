"""Lists come in pages: `{items, next_cursor}`, the cursor opaque to clients."""

import base64
import binascii
import json
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from shared.kit.http.problems import Problem

Item = TypeVar("Item")
MAX_LIMIT = 200

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items per page")]
Cursor = Annotated[str | None, Query(max_length=1024, description="`next_cursor` of the page before")]


class Page(BaseModel, Generic[Item]):
    """One page; `next_cursor` is null on the last."""

    items: list[Item]
    next_cursor: str | None = None


def encode_cursor(*position: str | int) -> str:
    """The cursor of a position in a keyset order."""
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def unusable_cursor() -> Problem:
    """The answer to a cursor we did not make."""
    return Problem(422, "invalid_cursor", "use next_cursor of the page before, with the same sort and filters")


def decode_cursor(cursor: str | None, *kinds: type) -> tuple[str | int, ...] | None:
    """The position of a cursor, or None without one. Raises Problem 422 for a cursor we did not make."""
    if cursor is None:
        return None
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        position = None
    if not isinstance(position, list) or [type(part) for part in position] != list(kinds):
        raise unusable_cursor()
    return tuple(position)
