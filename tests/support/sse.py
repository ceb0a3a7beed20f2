"""A reader of server-sent events, as small as the format."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2


@dataclass(frozen=True)
class Received:
    """One event."""

    id: int
    event: str
    data: dict[str, Any]


class EventReader:
    """An open stream."""

    def __init__(self, response: httpx2.Response) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self._lines = response.aiter_lines()

    async def next(self, within: float = 10.0) -> Received:
        """The next event. Raises TimeoutError if none comes, StopAsyncIteration at the end."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(within):
            while True:
                line = await anext(self._lines)
                if line == "" and "data" in fields:
                    return Received(int(fields["id"]), fields["event"], json.loads(fields["data"]))
                name, _, content = line.partition(":")
                if name:
                    fields[name] = content.removeprefix(" ")

    async def comment(self, within: float = 10.0) -> str:
        """The next line that only says that the stream is there."""
        async with asyncio.timeout(within):
            while not (line := await anext(self._lines)).startswith(":"):
                pass
        return line

    async def kinds(self, count: int) -> list[str]:
        """The names of the next events."""
        return [(await self.next()).event for _ in range(count)]

    async def rest(self, within: float = 10.0) -> list[str]:
        """The names of all events up to the end of the stream."""
        names: list[str] = []
        while True:
            try:
                names.append((await self.next(within)).event)
            except StopAsyncIteration:
                return names


@asynccontextmanager
async def reading(http: httpx2.AsyncClient, path: str, last_event_id: int | None = None) -> AsyncIterator[EventReader]:
    """Opens a stream."""
    headers = {} if last_event_id is None else {"Last-Event-ID": str(last_event_id)}
    async with http.stream("GET", path, headers=headers, timeout=httpx2.Timeout(20)) as response:
        yield EventReader(response)
