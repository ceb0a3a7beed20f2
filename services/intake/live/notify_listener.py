"""Wakes the event streams of this process: one connection listens for NOTIFY and sets the events of waiting readers."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from services.intake.live.timeline import CHANNEL
from shared.kit.notifications import NotificationListener


class NotifyListener:
    """Wakes waiters when PostgreSQL says that there is news of their ticket."""

    def __init__(self, dsn: str) -> None:
        self._listener = NotificationListener(dsn, CHANNEL, self._on_notification, self.wake_all)
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
        await self._listener.run()

    def _on_notification(self, payload: str) -> None:
        with suppress(ValueError):
            self.wake([UUID(name) for name in payload.split(",")])
