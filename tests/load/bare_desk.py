"""The yardstick for the desk: routes that read as many rows by one statement, or pass events on, and nothing else."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import nats
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from nats.aio.msg import Msg
from sqlalchemy import text

from shared.contracts.names import STREAM_SUBJECTS
from shared.kit.db import Database
from shared.kit.processes import serve
from shared.kit.settings import ServiceSettings
from shared.kit.stopping import Stopping

NATS_VARIABLE = "EVERDESK_NATS_URL"
NEWEST = text("select id, number, subject, status, priority from tickets order by updated_at desc limit 25")
FOUND = text(
    "select t.id, t.number, t.subject, t.status, t.priority from ticket_words w join tickets t on t.id = w.ticket_id "
    "where w.search @@ plainto_tsquery('simple', :word) order by t.updated_at desc limit 25"
)


class Readers:
    """Hears every event once, and passes it on to whoever reads."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[bytes]] = set()

    async def on_event(self, message: Msg) -> None:
        """Called by the connection."""
        for queue in self._queues:
            queue.put_nowait(b"data: " + message.data + b"\n\n")

    async def events(self) -> AsyncIterator[bytes]:
        """One reader's stream, without end."""
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield b": here\n\n"
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)


def build(settings: ServiceSettings) -> FastAPI:
    """The application."""
    database, readers = Database.connect(settings), Readers()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        bus = await nats.connect(os.environ[NATS_VARIABLE])
        for subject in STREAM_SUBJECTS:
            await bus.subscribe(subject, cb=readers.on_event)
        yield
        await bus.close()
        await database.dispose()

    app = FastAPI(lifespan=lifespan)
    app.state.stopping = Stopping()

    @app.get("/rows")
    async def rows() -> list[dict[str, Any]]:
        async with database.connection() as connection:
            return [dict(row) for row in (await connection.execute(NEWEST)).mappings()]

    @app.get("/found")
    async def found(q: str) -> list[dict[str, Any]]:
        async with database.connection() as connection:
            return [dict(row) for row in (await connection.execute(FOUND, {"word": q})).mappings()]

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(readers.events(), media_type="text/event-stream")

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        return {"status": "ready"}

    return app


if __name__ == "__main__":
    settings = ServiceSettings()
    serve(build(settings), settings)
