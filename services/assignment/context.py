"""What every command and query works with, built once in `main`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services.assignment.queries.policies import PolicyShelf
from services.assignment.rejudging import Rejudger
from services.assignment.settings import AssignmentSettings
from shared.kit.auth import FileLinks
from shared.kit.db import Database
from shared.kit.foreign.digester import Digester
from shared.kit.holiday_feed import FeedReader
from shared.kit.http.outgoing import Outgoing
from shared.kit.outbox import Relay
from shared.kit.tickets import ANSWER_WITHIN, Tickets
from shared.kit.unavailable import TicketsUnavailable

SIGN_INS_AT_ONCE = 4
"""A flood of guesses then waits by itself: hashing is slow on purpose, and attempts at one account wait in line."""


class Gate:
    """Lets so many commands through at once: while Temporal is away, reads keep their database connections."""

    def __init__(self, width: int) -> None:
        self._places = asyncio.Semaphore(width)

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Waits for a place. Raises TicketsUnavailable when none becomes free in time."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN.total_seconds()):
                await self._places.acquire()
        except TimeoutError as error:
            raise TicketsUnavailable("too many commands wait for the workflows") from error
        try:
            yield
        finally:
            self._places.release()


@dataclass(frozen=True, slots=True)
class Context:
    """The service's connections and caches."""

    settings: AssignmentSettings
    database: Database
    tickets: Tickets
    relay: Relay
    policies: PolicyShelf
    gate: Gate
    outgoing: Outgoing
    feeds: FeedReader
    files: FileLinks
    sign_ins: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SIGN_INS_AT_ONCE))
    rejudger: Rejudger = field(default_factory=Rejudger)
    digester: Digester = field(default_factory=Digester)
