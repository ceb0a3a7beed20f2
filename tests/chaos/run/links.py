"""Ways between our processes and engines that can be cut, held up and slowed.

Toxiproxy is no Python package and network namespaces need root, so the proxy is one of our own.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from tests.chaos.run.nats_frames import Frames, Losses

HOST = "127.0.0.1"
CHUNK = 65_536
END_OF_MAIL = b"\r\n.\r\n"


class Filter(Protocol):
    """One direction of one connection."""

    def feed(self, chunk: bytes) -> bytes:
        """What of it goes on."""


@dataclass
class Link:
    """The way of one process to one engine."""

    process: str
    engine: str
    target: int
    port: int = 0
    delay: float = 0.0
    """Seconds that each piece waits, in either direction."""
    is_cut: bool = False
    severed: int = 0
    refused: int = 0
    delayed: int = 0
    losses: Losses = field(default_factory=Losses)
    on_accepted: Callable[[], None] | None = None
    """Called instead of passing on that a mail was accepted; the connection ends there."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    @property
    def name(self) -> str:
        """Who speaks with whom."""
        return f"{self.process} to {self.engine}"

    async def open(self) -> None:
        """Listens on a free port, or on the one it has."""
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Ends every connection, and refuses new ones until mended."""
        self.is_cut = True
        self.severed += len(self._tasks)
        self._end()

    def mend(self) -> None:
        """As it was at first."""
        self.is_cut, self.delay, self.on_accepted = False, 0.0, None
        self.losses.acks = self.losses.publish_acks = False

    async def close(self) -> None:
        """Nothing is left of it."""
        if self._server is not None:
            self._server.close()
        self._end()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _end(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_cut:
            self.refused += 1
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._connect(reader, writer)
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            behind, towards = await asyncio.open_connection(HOST, self.target)
            up, down = self._filters()
            ways = [
                asyncio.create_task(self._forward(reader, towards, up)),
                asyncio.create_task(self._forward(behind, writer, down)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                towards.transport.abort() if self.is_cut else towards.close()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Filter | None) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if self.delay:
                    self.delayed += 1
                    await asyncio.sleep(self.delay)
                if way is not None:
                    chunk = way.feed(chunk)
                writer.write(chunk)
                await writer.drain()

    def _filters(self) -> tuple[Filter | None, Filter | None]:
        if self.engine == "nats":
            return Frames(self.losses), Frames(self.losses)
        if self.engine == "mail":
            watch = SmtpWatch(self)
            return watch, SmtpAnswers(watch)
        return None, None


@dataclass
class SmtpWatch:
    """The client's side: notices the end of a mail."""

    link: Link
    is_handed_over: bool = False
    _last: bytes = b""

    def feed(self, chunk: bytes) -> bytes:
        """All of it."""
        self._last = (self._last + chunk)[-len(END_OF_MAIL) :]
        self.is_handed_over = self._last == END_OF_MAIL
        return chunk


@dataclass
class SmtpAnswers:
    """The server's side: notices that the mail was accepted."""

    watch: SmtpWatch

    def feed(self, chunk: bytes) -> bytes:
        """All of it, but for an acceptance that somebody waits for. Raises ConnectionAbortedError then."""
        on_accepted = self.watch.link.on_accepted
        if self.watch.is_handed_over and chunk.startswith(b"250") and on_accepted is not None:
            self.watch.link.on_accepted = None
            on_accepted()
            raise ConnectionAbortedError
        return chunk
