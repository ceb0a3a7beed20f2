"""Server-sent events of ticket changes an agent may see, resumable by Last-Event-ID."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import anyio
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.assignment.live.ticket_changes import TicketChange, TicketChanges
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.access.visibility import VIEW
from shared.domain.permissions import Grant, TicketPlace, permissions_on
from shared.kit.http.problems import Problem

PER_AGENT: Final = 20
"""Streams that one agent may hold, such as one for each open page."""
AT_MOST: Final = 2_000
HEARTBEAT_SECONDS: Final = 15
SEND_SECONDS: Final = 30
STOPPING_SECONDS: Final = 2
RECONNECT_MILLISECONDS: Final = 2_000
RECHECK_SECONDS: Final = 3.0
"""The longest that a stream outlives the session or the rights it was opened with."""
TOGETHER_SECONDS: Final = 0.1
"""Changes are sent together as far as they come within so short a time, ..."""
TOGETHER_PER_STREAM_SECONDS: Final = 0.001
"""... and this much longer for each open stream, so that many watchers cost those who work little, ..."""
TOGETHER_AT_MOST_SECONDS: Final = 0.5
"""... up to this."""
CHUNK: Final = 200
"""Changes that are sent in one piece, of all that a watcher who comes back has missed."""
SEPARATOR: Final = "\n"

Find = Callable[[], Awaitable[Caller | None]]
Rights = tuple[UUID, frozenset[Grant]]


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who watches, how to find out whether they still may, and where they go on."""

    caller: Caller
    find: Find
    after: int | None
    ticket_id: UUID | None = None
    """Only this ticket's changes, if given."""


class ChangeStreams:
    """The open streams of this process."""

    def __init__(self, changes: TicketChanges) -> None:
        self.changes = changes
        self._open: Counter[UUID] = Counter()
        self._chunks: dict[tuple[Rights, UUID | None, int, int], bytes] = {}
        """What was sent of the newest changes, by what its watcher may see: streams of equal rights send the same."""
        self._chunks_until = 0

    def stream(self, watcher: Watcher) -> EventSourceResponse:
        """The changes that the caller may see, as they come.

        Raises Problem 429 if the caller has too many streams open, 503 if all together are too many.
        """
        agent = watcher.caller.agent_id
        if self._open[agent] >= PER_AGENT:
            said = f"at most {PER_AGENT} streams at a time; close one first"
            raise Problem(429, "too_many_streams", said, headers={"Retry-After": "30"})
        if self._open.total() >= AT_MOST:
            raise Problem(503, "unavailable", "too many streams are open; try again", headers={"Retry-After": "30"})
        stopping = anyio.Event()
        return EventSourceResponse(
            self._events(watcher, stopping),
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
            ping=HEARTBEAT_SECONDS,
            ping_message_factory=lambda: ServerSentEvent(comment="still here", sep=SEPARATOR),
            send_timeout=SEND_SECONDS,
            sep=SEPARATOR,
            shutdown_event=stopping,
            shutdown_grace_period=STOPPING_SECONDS,
        )

    async def _events(self, watcher: Watcher, stopping: anyio.Event) -> AsyncIterator[ServerSentEvent | bytes]:
        agent = watcher.caller.agent_id
        self._open[agent] += 1
        try:
            with self.changes.waiting() as news:
                async for event in self._follow(watcher, news, stopping):
                    yield event
        finally:
            self._open[agent] -= 1
            if not self._open[agent]:
                del self._open[agent]

    async def _follow(
        self, watcher: Watcher, news: asyncio.Event, stopping: anyio.Event
    ) -> AsyncIterator[ServerSentEvent | bytes]:
        """Ends when the session or the rights it was opened with end, or the server stops."""
        changes, after = self.changes, self.changes.last if watcher.after is None else watcher.after
        rights = _rights(watcher.caller)
        yield ServerSentEvent(comment="connected", retry=RECONNECT_MILLISECONDS, sep=SEPARATOR)
        if not changes.has_all_after(after) or after > changes.last:
            after = changes.last
            yield _event(after, "reset", f'{{"id":{after},"kind":"reset"}}')
        checked_at = time.monotonic()
        ending = asyncio.create_task(_set_after(stopping, news))
        try:
            while not stopping.is_set():
                news.clear()
                if (found := changes.after(after)) or time.monotonic() - checked_at >= RECHECK_SECONDS:
                    now = await watcher.find()
                    if now is None or _rights(now) != rights:
                        return
                    checked_at = time.monotonic()
                for begin in range(0, len(found), CHUNK):
                    chunk = found[begin : begin + CHUNK]
                    after = chunk[-1].sequence
                    if events := self._events_of(chunk, watcher, rights):
                        yield events
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RECHECK_SECONDS):
                        await news.wait()
                    await asyncio.sleep(self._together())
        finally:
            ending.cancel()

    def _together(self) -> float:
        """Seconds for which changes are gathered before they are sent."""
        return min(TOGETHER_SECONDS + TOGETHER_PER_STREAM_SECONDS * self._open.total(), TOGETHER_AT_MOST_SECONDS)

    def _events_of(self, changes: Sequence[TicketChange], watcher: Watcher, rights: Rights) -> bytes:
        """What the watcher may know of some changes, as it is sent."""
        if self._chunks_until != self.changes.last:
            self._chunks, self._chunks_until = {}, self.changes.last
        key = (rights, watcher.ticket_id, changes[0].sequence, changes[-1].sequence)
        if (known := self._chunks.get(key)) is None:
            seen = (seen_by(watcher, change) for change in changes)
            known = self._chunks[key] = b"".join(event.encode() for event in seen if event is not None)
        return known


def seen_by(watcher: Watcher, change: TicketChange) -> ServerSentEvent | None:
    """The change as its watcher may know of it; None if not at all."""
    if watcher.ticket_id not in (None, change.ticket_id):
        return None
    if _sees(watcher.caller, change.place):
        return _event(change.sequence, "ticket", change.data)
    if change.place != change.before and _sees(watcher.caller, change.before):
        gone = f'{{"id":{change.sequence},"kind":"gone","ticket_id":"{change.ticket_id}"}}'
        return _event(change.sequence, "gone", gone)
    return None


def _rights(caller: Caller) -> Rights:
    return caller.agent_id, frozenset(caller.principal.grants)


def _sees(caller: Caller, place: TicketPlace | None) -> bool:
    return place is not None and VIEW in permissions_on(caller.principal, place)


def _event(sequence: int, name: str, data: str) -> ServerSentEvent:
    return ServerSentEvent(data, event=name, id=str(sequence), sep=SEPARATOR)


async def _set_after(stopping: anyio.Event, news: asyncio.Event) -> None:
    """Wakes a stream when the server stops."""
    await stopping.wait()
    news.set()
