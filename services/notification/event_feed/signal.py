"""Tells those who wait at the end of the feed that it has grown, whichever process appended."""

import asyncio
from contextlib import suppress

from services.notification.event_feed.reading import end_of_feed
from shared.kit.backoff import DEPENDENCY, retry
from shared.kit.bus.consumer import is_away
from shared.kit.db import Database

SHORT_SECONDS = 1.0
"""How long is waited at most once the process is told to stop."""
LOOK_SECONDS = 1.0
"""How often the end is looked at while somebody waits; what this process appends is told at once."""


class FeedSignal:
    """The end of the feed as this process knows it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._position = 0
        self._grown = asyncio.Condition()
        self._look = asyncio.Event()
        self._waiting = 0
        self.is_stopping = False
        """Whether the process was told to stop: nobody is kept waiting for long any more."""
        self._ending: asyncio.Task[None] | None = None

    def look(self) -> None:
        """Has the end looked at, if anybody waits."""
        if self._waiting:
            self._look.set()

    async def wait_beyond(self, position: int, within: float) -> None:
        """Returns when the feed has grown beyond a position, after so many seconds, or when the process is to stop."""
        was_stopping = self.is_stopping
        within = min(within, SHORT_SECONDS) if was_stopping else within
        self._waiting += 1
        self._look.set()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(within), self._grown:
                    await self._grown.wait_for(lambda: self._position > position or self.is_stopping != was_stopping)
        finally:
            self._waiting -= 1

    def end_waits(self) -> None:
        """Has everybody answered who waits: a reader that is cut off cannot know whether it missed something."""
        self.is_stopping = True
        self._ending = asyncio.create_task(self._tell_all())

    async def _tell_all(self) -> None:
        async with self._grown:
            self._grown.notify_all()

    async def run(self) -> None:
        """Looks at the end of the feed while somebody waits, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS if self._waiting else None):
                    await self._look.wait()
            self._look.clear()
            if self._waiting:
                await self._tell(await retry(lambda: end_of_feed(self._database), DEPENDENCY, is_away))

    async def _tell(self, position: int) -> None:
        if position > self._position:
            async with self._grown:
                self._position = position
                self._grown.notify_all()
