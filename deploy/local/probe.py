"""Asking a port whether its server is there yet, without a client library."""

import asyncio
from collections.abc import Awaitable, Callable

INTERVAL = 0.05


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
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request.encode("ascii"))
                await writer.drain()
                status_line = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
    words = status_line.split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None
