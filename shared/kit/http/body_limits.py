"""How a body comes in: no more than its limit, and no slower than a bad telephone line.

Only the time spent waiting for the client counts, so a slow disk of ours is not held against anybody.
"""

import asyncio
import time
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

PATIENCE = 20.0
"""Seconds that any body may take."""
SLOWEST = 8 * 1024
"""Bytes a second, for what takes longer: a client that sends a byte a second holds nothing for ever."""
CLOSING = {"Connection": "close"}
"""What is left of the body is not waited for."""
MOST_DISCARDED = 4 * 1024**2
"""Bytes of a body that is too large that are read nevertheless: whoever still sends when a connection is closed may
find it reset, and never reads why."""
DISCARDING = 5.0
"""Seconds for that."""


def limited(scope: Scope, receive: Receive, limit: int) -> Receive:
    """Counts the body as it arrives. Raises HTTPException 413 at the limit, in bytes, and 408 for one that dawdles."""
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    asks_first = next((value for name, value in scope["headers"] if name == b"expect"), None)
    seen, waited, is_complete = 0, 0.0, False

    async def receive_limited() -> Message:
        nonlocal seen, waited, is_complete
        if is_complete:
            return await receive()
        if declared.isdigit() and int(declared) > limit:
            if asks_first is None:
                await _discard(receive)
            raise _too_large(limit)
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE + seen / SLOWEST - waited):
                message = await receive()
        except TimeoutError:
            raise _too_slow() from None
        waited += time.monotonic() - began
        seen += len(message.get("body", b""))
        is_complete = not message.get("more_body", False)
        if seen > limit:
            if not is_complete:
                await _discard(receive)
            raise _too_large(limit)
        return message

    return receive_limited


async def _discard(receive: Receive) -> None:
    """Reads what is left of a body, up to a bound."""
    read, is_more = 0, True
    with suppress(TimeoutError):
        async with asyncio.timeout(DISCARDING):
            while is_more and read < MOST_DISCARDED:
                message = await receive()
                read += len(message.get("body", b""))
                is_more = bool(message.get("more_body", False))


def _too_large(limit: int) -> HTTPException:
    """Raised while FastAPI reads the body, where it lets only its own exception through."""
    return HTTPException(413, f"the request is larger than {limit // 1024} KiB", CLOSING)


def _too_slow() -> HTTPException:
    return HTTPException(408, "the body came too slowly; send the same request again", CLOSING)
