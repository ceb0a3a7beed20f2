"""The feed as server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import anyio
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import Response

from services.notification.event_feed.reading import FeedPage, FeedQuery, read_page
from services.notification.event_feed.signal import FeedSignal
from shared.kit.db import Database
from shared.kit.http.problems import Problem, unavailable
from shared.kit.outages import is_unreachable

HEARTBEAT_SECONDS = 15
RECONNECT_MILLISECONDS = 2000
SEND_SECONDS = 30
"""A reader that takes nothing for so long has gone."""
STOPPING_SECONDS = 2
RECHECK_SECONDS = 10.0
"""How often a silent stream asks whether its reader still may, and whether it is to end."""
LONGEST_SECONDS = 3600.0
MOST_STREAMS = 200
PER_LOOK = 200
SEPARATOR = "\n"


@dataclass(frozen=True, slots=True)
class StreamedFeed:
    """Where a stream begins, what it shows, and whether its reader still may read."""

    query: FeedQuery
    after: int
    may_read: Callable[[], Awaitable[bool]]


class FeedStreams:
    """The open streams of this process."""

    def __init__(self, database: Database, signal: FeedSignal) -> None:
        self._database, self._signal = database, signal
        self._open = 0

    async def stream(self, reader: StreamedFeed) -> Response:
        """Returns the events after a position, as they come.

        Raises Problem 410 for a position that is not kept any more, 503 when too many streams are open.
        """
        if self._open >= MOST_STREAMS:
            raise unavailable("too many streams are open; try again later, or read pages", 10)
        first = await read_page(self._database, reader.query, reader.after, PER_LOOK)
        stopping = anyio.Event()
        return EventSourceResponse(
            self._events(reader, first, stopping),
            ping=HEARTBEAT_SECONDS,
            ping_message_factory=lambda: ServerSentEvent(comment="still here", sep=SEPARATOR),
            send_timeout=SEND_SECONDS,
            sep=SEPARATOR,
            shutdown_event=stopping,
            shutdown_grace_period=STOPPING_SECONDS,
            headers={"Cache-Control": "no-store"},
        )

    async def _events(
        self, reader: StreamedFeed, page: FeedPage, stopping: anyio.Event
    ) -> AsyncIterator[ServerSentEvent]:
        ends_at = time.monotonic() + LONGEST_SECONDS
        self._open += 1
        try:
            yield ServerSentEvent(comment="hello", retry=RECONNECT_MILLISECONDS, sep=SEPARATOR)
            while True:
                for event in page.events:
                    yield ServerSentEvent(event.envelope, event=event.type, id=str(event.position), sep=SEPARATOR)
                if stopping.is_set() or time.monotonic() > ends_at or not await self._may_read(reader):
                    return
                if len(page.events) < PER_LOOK:
                    yield ServerSentEvent(comment="up to date", id=str(page.position), sep=SEPARATOR)
                    await self._wait(page.position, stopping)
                page = await self._next(reader, page)
        except Problem:
            return
        finally:
            self._open -= 1

    async def _wait(self, position: int, stopping: anyio.Event) -> None:
        waits = [
            asyncio.ensure_future(self._signal.wait_beyond(position, RECHECK_SECONDS)),
            asyncio.ensure_future(stopping.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _may_read(self, reader: StreamedFeed) -> bool:
        """While the database is away the stream is kept, and shows nothing."""
        try:
            return await reader.may_read()
        except Exception as error:
            if not is_unreachable(error):
                raise
            return True

    async def _next(self, reader: StreamedFeed, page: FeedPage) -> FeedPage:
        try:
            return await read_page(self._database, reader.query, page.position, PER_LOOK)
        except Exception as error:
            if not is_unreachable(error):
                raise
            await asyncio.sleep(1.0)
            return FeedPage((), page.position)
