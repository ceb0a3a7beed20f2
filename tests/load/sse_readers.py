"""Readers of event streams for a bench: many connections, and when each event of a ticket has come."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class SseReaders:
    """Notes when a line of data arrives; nothing is parsed, so that it is the server that is measured."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[float, bytes]] = []

    @asynccontextmanager
    async def open(self, url: str, headers: Mapping[str, str], count: int) -> AsyncIterator[None]:
        """Streams that are open once the block begins, and closed after it."""
        begun = [asyncio.Event() for _ in range(count)]
        tasks = [asyncio.create_task(self._read(url, headers, event)) for event in begun]
        try:
            async with asyncio.timeout(30):
                await asyncio.gather(*(event.wait() for event in begun))
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, url: str, headers: Mapping[str, str], begun: asyncio.Event) -> None:
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        named = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{named}\r\n".encode())
        try:
            status = await reader.readline()
            assert b" 200 " in status, status
            while line := await reader.readline():
                if line.startswith(b":"):
                    begun.set()
                elif line.startswith(b"data:"):
                    self.arrivals.append((time.perf_counter(), line))
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
