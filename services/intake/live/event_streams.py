"""Server-sent events: the timeline of one ticket, resumed after the last event id, until the ticket is archived."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import anyio
from fastapi import Header, Query
from fastapi.responses import Response
from pydantic import BaseModel
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.intake.live.notify_listener import NotifyListener
from services.intake.live.timeline import notify_readers
from services.intake.live.timeline_queries import PER_LOOK, entries_after, is_over
from services.intake.models import TimelineEntry
from shared.contracts.vocabulary import Status
from shared.kit.db import Database
from shared.kit.http.problems import Problem
from shared.kit.outages import is_unreachable

HEARTBEAT_SECONDS = 15
RECONNECT_MILLISECONDS = 2000
SEND_SECONDS = 30
"""A reader that takes nothing for so long has gone."""
STOPPING_SECONDS = 2
"""When the server stops, streams have so long to end in good order."""
MAX_EVENT_ID = 2**63 - 1
SEPARATOR = "\n"

EventId = Annotated[
    int, Query(ge=0, le=MAX_EVENT_ID, description="The last event you have; sent if you cannot set headers")
]
LastEventId = Annotated[
    int | None,
    Header(
        alias="Last-Event-ID",
        ge=0,
        le=MAX_EVENT_ID,
        description="The last event you have: the stream goes on after it. Without it, it begins with the first.",
    ),
]


class TimelineEntryView(BaseModel):
    """Something that happened on a ticket, as the data of a server-sent event."""

    id: int
    """Rises within a ticket; also the event's id, to resume after it."""
    kind: str
    """`opened`, `assigned`, `pended`, `held`, `resumed`, `resolved`, `reopened`, `closed`, `archived`, `message` or
    `followed_up`; also the event's name."""
    at: datetime
    status: Status
    """After it."""
    revision: int
    """After it: the number in the ticket's ETag."""
    message_id: UUID | None
    """Of the message that was posted, or that the ticket began with."""

    @classmethod
    def of(cls, happening: TimelineEntry) -> "TimelineEntryView":
        """The view of a stored row."""
        return cls(**{name: getattr(happening, name) for name in cls.model_fields})


@dataclass(frozen=True, slots=True)
class StreamReader:
    """Whose connection it is, how many such callers may hold, and whether the caller may still read."""

    name: str
    limit: int
    may_read: Callable[[], Awaitable[bool]]


class EventStreams:
    """The open streams of this process."""

    def __init__(self, database: Database, hub: NotifyListener, *, limit: int, seconds: float) -> None:
        self.hub = hub
        self._database = database
        self._limit = limit
        self._seconds = seconds
        self._open: Counter[str] = Counter()

    @property
    def open_streams(self) -> int:
        """How many readers are connected."""
        return self._open.total()

    async def stream(self, ticket_id: UUID, after: int, caller: StreamReader) -> Response:
        """The timeline entries after an event id, as they come; 204 if none can come any more.

        Raises Problem 429 when the caller has too many streams open, 503 when all together are too many.
        """
        self._check_room(caller)
        async with self._database.begin() as session:
            if await is_over(session, ticket_id) and not await entries_after(session, ticket_id, after):
                return Response(status_code=204, headers={"Cache-Control": "no-store"})
        stopping = anyio.Event()
        return Streaming(self._events(ticket_id, after, caller, stopping), stopping)

    async def recheck_access(self, ticket_id: UUID) -> None:
        """Lets every reader of the ticket, in every process, find out whether it may still read."""
        await notify_readers(self._database, [ticket_id])

    def _check_room(self, caller: StreamReader) -> None:
        if self._open[caller.name] >= caller.limit:
            raise Problem(
                429,
                "too_many_streams",
                f"at most {caller.limit} streams at a time; close one first",
                headers={"Retry-After": "30"},
            )
        if self.open_streams >= self._limit:
            raise Problem(503, "unavailable", "too many streams are open; try again", headers={"Retry-After": "30"})

    @contextmanager
    def _seat(self, caller: StreamReader) -> Iterator[None]:
        self._open[caller.name] += 1
        try:
            yield
        finally:
            self._open[caller.name] -= 1
            if not self._open[caller.name]:
                del self._open[caller.name]

    async def _events(
        self, ticket_id: UUID, after: int, caller: StreamReader, stopping: anyio.Event
    ) -> AsyncIterator[ServerSentEvent]:
        """Ends when nothing more can come, when the caller may not read any more, when the server stops, or in time."""
        ends_at = time.monotonic() + self._seconds
        with self._seat(caller), self.hub.waiting_for(ticket_id) as news:
            yield ServerSentEvent(comment="connected", retry=RECONNECT_MILLISECONDS, sep=SEPARATOR)
            while (left := ends_at - time.monotonic()) > 0 and not stopping.is_set():
                news.clear()
                found, may_go_on = await self._look(ticket_id, after, caller)
                for happening in found:
                    after = happening.id
                    yield _event(happening)
                if len(found) == PER_LOOK:
                    continue
                if not may_go_on:
                    return
                await _one_of(news, stopping, within=left)

    async def _look(self, ticket_id: UUID, after: int, caller: StreamReader) -> tuple[list[TimelineEntry], bool]:
        """What is new, and whether there may be more. While the database is away there is nothing new.

        Whether the ticket is over is asked first: an end recorded between the two statements is then among the
        entries, or found by the next look.
        """
        try:
            if not await caller.may_read():
                return [], False
            async with self._database.begin() as session:
                over = await is_over(session, ticket_id)
                return await entries_after(session, ticket_id, after), not over
        except Exception as error:
            if not is_unreachable(error):
                raise
            return [], True


class Streaming(EventSourceResponse):
    """A stream of events; described so in the API's document."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[ServerSentEvent], stopping: anyio.Event) -> None:
        super().__init__(
            events,
            ping=HEARTBEAT_SECONDS,
            ping_message_factory=lambda: ServerSentEvent(comment="still here", sep=SEPARATOR),
            send_timeout=SEND_SECONDS,
            sep=SEPARATOR,
            shutdown_event=stopping,
            shutdown_grace_period=STOPPING_SECONDS,
        )


async def _one_of(news: asyncio.Event, stopping: anyio.Event, within: float) -> None:
    """Waits until one of the two is set, for so many seconds at most."""
    waits = [asyncio.ensure_future(event.wait()) for event in (news, stopping)]
    try:
        await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _event(happening: TimelineEntry) -> ServerSentEvent:
    view = TimelineEntryView.of(happening)
    return ServerSentEvent(view.model_dump_json(), event=view.kind, id=str(view.id), sep=SEPARATOR)


_SCHEMA = TimelineEntryView.model_json_schema(ref_template="#/components/schemas/{model}")
_SCHEMA.pop("$defs")
"""Its parts are among the document's components already."""
DESCRIPTION: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: `id:`, `event:` and, in JSON, `data:`. Comments keep it alive.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "description": "One event",
                    "properties": {
                        "id": {"type": "string"},
                        "event": {"type": "string"},
                        "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": _SCHEMA},
                    },
                },
                "example": {
                    "id": "42",
                    "event": "resolved",
                    "data": '{"id":42,"kind":"resolved","at":"2026-11-24T09:12:30Z","status":"resolved",'
                    '"revision":4,"message_id":null}',
                },
            }
        },
    },
    204: {"description": "The ticket is archived and you have all of it: do not come back."},
}
"""How the stream is described in the OpenAPI document."""
