"""Files of text as they are handed out: without our personal links, whatever is in the store as evidence."""

import asyncio
from collections.abc import AsyncIterator

from shared.contracts.redaction import redacted_bytes

WHOLE = 32 * 1024**2
"""Bytes of a file that is read before its answer begins, so that its length is known."""
PIECE = 1024**2
"""Bytes that are looked at in one go, in a thread."""
AROUND = 8 * 1024
"""Bytes on both sides of a cut in which no link may be."""
HEAD = 1024
_CONTROLS = bytes([*range(1, 9), *range(14, 27), *range(28, 32)])
_PRINTABLE = 0.9


def is_text(head: bytes) -> bool:
    """Whether a file that begins so can be read as text, in whatever charset."""
    beginning = head[:HEAD]
    kept = beginning.translate(None, _CONTROLS)
    is_wide = beginning.count(0) in range(1, len(beginning) // 3)
    return len(kept) >= _PRINTABLE * len(beginning) and not is_wide


async def without_links(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes without our links; what is no text passes as it is."""
    held = b""
    async for chunk in content:
        held += chunk
        if len(held) >= HEAD:
            break
    if not is_text(held):
        yield held
        async for chunk in content:
            yield chunk
        return
    async for chunk in content:
        held += chunk
        while len(held) > PIECE + AROUND:
            cut = await asyncio.to_thread(_cut, held)
            yield await asyncio.to_thread(redacted_bytes, held[:cut])
            held = held[cut:]
    yield await asyncio.to_thread(redacted_bytes, held)


def _cut(held: bytes) -> int:
    """Where text can be parted without parting a link; at the end of a line, if there is one."""
    cut = PIECE
    while cut > AROUND:
        at = held.rfind(b"\n", cut - AROUND, cut) + 1 or cut
        first = held.find(b"\n", at - AROUND, at - AROUND // 2) + 1 or at - AROUND
        last = at + AROUND
        parted = redacted_bytes(held[first:at]) + redacted_bytes(held[at:last])
        if redacted_bytes(held[first:last]) == parted:
            return at
        cut -= AROUND
    return PIECE
