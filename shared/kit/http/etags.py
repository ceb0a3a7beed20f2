"""Entity tags: the ticket's revision, which `If-Match` compares, and what tells one representation from another."""

import hashlib
import re
from typing import Annotated

from fastapi import Header

from shared.kit.http.problems import Problem

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=64, description="The ETag you saw; if it has changed since: 412"),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match", max_length=1024, description="ETags you have; if one is still right: 304 without a body"
    ),
]
_OURS = re.compile(r"([0-9]{1,9})(-[0-9a-f]{16})?")


def etag_of(revision: int, representation: bytes | None = None) -> str:
    """The entity tag of a ticket's revision.

    A representation may also change without one, as when a timer closes the ticket: who answers `If-None-Match`
    passes its bytes, and part of their digest becomes part of the tag.
    """
    digest = "" if representation is None else f"-{hashlib.sha256(representation).hexdigest()[:16]}"
    return f'"{revision}{digest}"'


def revision_of(if_match: str | None) -> int | None:
    """The revision an `If-Match` asks for; None without one. Raises Problem 422 for anything but our own tags."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _OURS.fullmatch(_opaque(if_match))
    if found is None:
        raise Problem(422, "invalid_etag", "If-Match must be an ETag that we sent")
    return int(found[1])


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the caller already has what `etag` stands for."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or _opaque(etag) in [_opaque(tag) for tag in if_none_match.split(",")]


def _opaque(tag: str) -> str:
    return tag.strip().removeprefix("W/").strip('"')
