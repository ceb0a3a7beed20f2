"""Giving a file out: as a download in a sandbox, or as a picture that nothing can run in."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy import select

from services.intake.attachments.file_names import content_disposition
from services.intake.attachments.link_removal import WHOLE, without_links
from services.intake.attachments.media_type_detection import SHOWABLE, UNKNOWN
from services.intake.attachments.object_store import ContentMissing, ContentStore, StorageUnavailable
from services.intake.errors import storage_away
from services.intake.models import Attachment, AttachmentState
from shared.kit.db import Database
from shared.kit.http.problems import Problem, not_found

SERVED = frozenset((AttachmentState.CLEAN, AttachmentState.UNSCANNED))
HARMLESS = SHOWABLE | {"text/plain", "text/csv", "application/json", "application/pdf", "application/zip"}
"""Types that are told to the browser; all others are bytes to it."""
SANDBOX = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "private, max-age=3600, immutable",
}
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Which bytes of a file are asked for."""

    start: int
    length: int


async def find_attachment(database: Database, attachment_id: UUID, ticket_id: UUID | None = None) -> Attachment:
    """A file that may be served; with `ticket_id`, one that the readers of that ticket may have.

    Raises Problem 404, 409 while it is being scanned, 410 from quarantine.
    """
    query = select(Attachment).where(Attachment.id == attachment_id, Attachment.ticket_id.is_not(None))
    if ticket_id is not None:
        query = query.where(Attachment.ticket_id == ticket_id, Attachment.is_internal.is_(False))
    async with database.begin() as session:
        attachment = await session.scalar(query)
    if attachment is None:
        raise not_found("file")
    if attachment.state is AttachmentState.PENDING:
        raise Problem(
            409, "file_pending", "the file is still being scanned; try again soon", headers={"Retry-After": "5"}
        )
    if attachment.state not in SERVED:
        raise Problem(410, "file_quarantined", "the file was found to be dangerous and is not given out")
    return attachment


async def serve(
    request: Request, storage: ContentStore, attachment: Attachment, *, is_inline: bool = False
) -> Response:
    """The file's bytes, or the range of them that was asked for; text without our personal links.

    Raises Problem 404 if they are gone, 416 for an impossible range, 503 while the store is away.
    """
    shown = is_inline and attachment.media_type in SHOWABLE
    headers = SANDBOX | {"Content-Disposition": content_disposition(attachment.name, is_inline=shown)}
    media_type = attachment.media_type if attachment.media_type in HARMLESS else UNKNOWN
    asked = request.headers.get("range")
    if attachment.media_type in SHOWABLE:
        span = _span(asked, attachment.size)
        return _answer(await _begun(storage, attachment, span), span, attachment, headers, media_type)
    if attachment.size > WHOLE:
        return StreamingResponse(without_links(await _begun(storage, attachment, None)), 200, headers, media_type)
    content = b"".join([piece async for piece in without_links(await _begun(storage, attachment, None))])
    span = _span(asked, len(content))
    piece = content[span.start : span.start + span.length] if span else content
    return _answer(_once(piece), span, attachment, headers, media_type, len(content))


def _answer(
    content: AsyncIterator[bytes],
    span: ByteRange | None,
    attachment: Attachment,
    headers: dict[str, str],
    media_type: str,
    size: int | None = None,
) -> Response:
    """`size` is that of what is handed out, where that is not as it is in the store."""
    whole = attachment.size if size is None else size
    headers = headers | {
        "Content-Length": str(span.length if span else whole),
        "ETag": f'"{attachment.digest}"' if whole == attachment.size else f'"{attachment.digest}-clean"',
        "Accept-Ranges": "bytes",
    }
    if span:
        headers["Content-Range"] = f"bytes {span.start}-{span.start + span.length - 1}/{whole}"
    return StreamingResponse(content, 206 if span else 200, headers, media_type)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _begun(storage: ContentStore, attachment: Attachment, span: ByteRange | None) -> AsyncIterator[bytes]:
    """The bytes, with the first of them read, so that what is wrong is said before the answer begins."""
    content = storage.get(attachment.digest, span.start if span else 0, span.length if span else None)
    try:
        first = await anext(content, b"")
    except ContentMissing:
        raise not_found("file") from None
    except StorageUnavailable:
        raise storage_away() from None

    async def rest() -> AsyncIterator[bytes]:
        yield first
        async for chunk in content:
            yield chunk

    return rest()


def _span(asked: str | None, size: int) -> ByteRange | None:
    """One simple range; several, or units we do not know, get the whole file. Raises Problem 416."""
    found = _RANGE.fullmatch(asked or "")
    if found is None:
        return None
    start, end = int(found[1]), min(int(found[2] or size - 1), size - 1)
    if start > end:
        raise Problem(
            416, "range_not_satisfiable", f"the file has {size} bytes", headers={"Content-Range": f"bytes */{size}"}
        )
    return ByteRange(start, end - start + 1)
