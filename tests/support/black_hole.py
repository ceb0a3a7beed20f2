"""A TCP proxy that can stop forwarding without closing: what is behind it is then hung, not gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

HOST = "127.0.0.1"
CHUNK = 65_536


class BlackHole:
    """Forwards to one address. While it is `closed`, bytes wait and new connections are accepted but not answered."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open = asyncio.Event()
        self._open.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def url(self, url: str) -> str:
        """The same URL, its host and port being this proxy's."""
        parts = urlsplit(url)
        user, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user}{at}{HOST}:{self.port}"))

    def swallow(self) -> None:
        """From now on nothing gets through, in either direction, and nothing is closed."""
        self._open.clear()

    def release(self) -> None:
        """Forwards again, what has waited first."""
        self._open.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._open.wait()
            behind_reader, behind_writer = await asyncio.open_connection(*self._target)
            ways = (self._forward(reader, behind_writer), self._forward(behind_reader, writer))
            with suppress(OSError):
                await asyncio.gather(*ways)
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(CHUNK):
                await self._open.wait()
                writer.write(chunk)
                await writer.drain()
        finally:
            writer.close()

    def stop(self) -> None:
        """Ends every connection."""
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def black_hole(url: str) -> AsyncIterator[BlackHole]:
    """A proxy in front of what the URL names, open at first."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    hole = BlackHole(parts.hostname, parts.port)
    server = await asyncio.start_server(hole.serve, HOST, 0)
    hole.port = server.sockets[0].getsockname()[1]
    try:
        yield hole
    finally:
        server.close()
        hole.stop()
