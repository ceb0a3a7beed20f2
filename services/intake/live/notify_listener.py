"""Wakes the event streams of this process: one connection listens for NOTIFY and sets the events of waiting readers."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import asyncpg

from services.intake.live.timeline import CHANNEL
from shared.kit.backoff import LISTEN, Pauses
from shared.kit.relay import AWAY
from shared.kit.telemetry import log

PROOF_SECONDS = 20.0
"""How often a silent connection must prove that it is alive."""
"""While nothing can be heard, those who wait look for themselves this often."""


class NotifyListener:
    """Wakes waiters when PostgreSQL says that there is news of their ticket."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._waiting: dict[UUID, set[asyncio.Event]] = {}

    @contextmanager
    def waiting_for(self, ticket_id: UUID) -> Iterator[asyncio.Event]:
        """An event that is set whenever there may be news of the ticket; clear it before looking."""
        news = asyncio.Event()
        self._waiting.setdefault(ticket_id, set()).add(news)
        try:
            yield news
        finally:
            waiting = self._waiting[ticket_id]
            waiting.discard(news)
            if not waiting:
                del self._waiting[ticket_id]

    def wake(self, ticket_ids: Iterable[UUID]) -> None:
        """Wakes those who wait for one of the tickets."""
        for ticket_id in ticket_ids:
            for news in self._waiting.get(ticket_id, ()):
                news.set()

    def wake_all(self) -> None:
        """Lets everybody look: something may have been missed."""
        self.wake(list(self._waiting))

    async def run(self) -> None:
        """Listens, for ever; while the database cannot be heard, wakes everybody now and then instead."""
        pauses = Pauses(LISTEN)
        while True:
            try:
                connection = await asyncpg.connect(self._dsn, timeout=5, command_timeout=10)
                try:
                    pauses.reset()
                    await self._listen(connection)
                finally:
                    with suppress(Exception):
                        async with asyncio.timeout(2):
                            await connection.close()
            except AWAY as error:
                log.warning("live.cannot_listen", error=repr(error))
            self.wake_all()
            await pauses.wait()

    async def _listen(self, connection: "asyncpg.Connection[Any]") -> None:
        """Until the connection is lost."""
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(CHANNEL, self._heard)
        log.info("live.listening")
        self.wake_all()
        while not lost.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(PROOF_SECONDS):
                    await lost.wait()
            await connection.fetchval("select 1")

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        with suppress(ValueError):
            self.wake([UUID(name) for name in str(payload).split(",")])
