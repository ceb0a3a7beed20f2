"""Asking a port whether its server is there yet, without a client library."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

INTERVAL = 0.05
_MOST_BYTES = 65_536


class NotReadyError(Exception):
    """The deadline passed and the thing still did not answer."""


async def until(check: Callable[[], Awaitable[bool]], *, within: float, what: str) -> None:
    """Return as soon as `check` holds; raise `NotReadyError` when it has not after `within` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while not await check():
        if loop.time() >= deadline:
            raise NotReadyError(f"{what} was not ready after {within:.0f} s")
        await asyncio.sleep(INTERVAL)


async def accepts(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(2):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def http_status(host: str, port: int, path: str) -> int | None:
    """The status of a GET, or None when nobody answered."""
    words = (await _get(host, port, path)).partition(b"\r\n")[0].split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None


async def http_body(host: str, port: int, path: str) -> bytes:
    """The body of a GET; empty when nobody answered."""
    return (await _get(host, port, path)).partition(b"\r\n\r\n")[2]


async def _get(host: str, port: int, path: str) -> bytes:
    request = f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request.encode("ascii"))
                await writer.drain()
                return b"".join([chunk async for chunk in _chunks(reader)])
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return b""


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """To the end, or as much as any answer asked for here has."""
    left = _MOST_BYTES
    while left > 0 and (chunk := await reader.read(left)):
        left -= len(chunk)
        yield chunk
