"""Waiting until everything that whole lives set going has arrived: a stream that is still says nothing about it."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import asyncpg
from nats.js import JetStreamContext

from shared.contracts.names import STREAM
from tests.load.systems import HostedSystem

WITHIN = 300.0
LOOK_EVERY = 0.2
LEFT_IN_LIFE = {
    ("notification", "mails sent"): ("select count(*) from deliveries where status = 'sent'", 5),
    ("assignment", "lines of the log"): ("select count(*) from events", 10),
    ("assignment", "verdicts"): ("select count(*) from verdicts", 2),
    ("assignment", "messages"): ("select count(*) from messages", 3),
    ("assignment", "tickets closed"): ("select count(*) from tickets where status = 'closed'", 1),
    ("intake", "messages"): ("select count(*) from messages", 3),
    ("intake", "tickets closed"): ("select count(*) from tickets where status = 'closed'", 1),
}
"""What each life leaves at least, by database: a ticket that waited until an agent had room leaves a line more."""
NOTHING_LEFT = {
    **{(name, "outbox"): "select count(*) from outbox" for name in ("intake", "assignment", "notification")},
    ("notification", "mails under way"): (
        "select count(*) from deliveries where status in ('waiting', 'queued', 'sending')"
    ),
}


@dataclass
class Arrivals:
    """Knows how many lives a system has seen, and looks whether they are over everywhere."""

    system: HostedSystem
    js: JetStreamContext
    databases: dict[str, asyncpg.Connection]
    lives: int = 0

    @classmethod
    async def of(cls, system: HostedSystem, js: JetStreamContext) -> "Arrivals":
        """Connected to its databases; call it before the first life."""
        names = ("intake", "assignment", "notification")
        connected = {name: await asyncpg.connect(f"{system.database_url}/{name}") for name in names}
        return cls(system, js, connected)

    async def close(self) -> None:
        """Disconnects."""
        for connection in self.databases.values():
            await connection.close()

    async def all_of(self, lives: int) -> None:
        """Returns once every mail and event of so many more lives has arrived. Raises AssertionError in the end."""
        self.lives += lives
        give_up_at = time.monotonic() + WITHIN
        while missing := await self._missing():
            assert time.monotonic() < give_up_at, f"{self.system.name}: {missing}"
            await asyncio.sleep(LOOK_EVERY)

    async def _missing(self) -> str:
        """The first thing that is not there yet, cheapest first; nothing if all is."""
        if (mails := await asyncio.to_thread(self.system.mails)) < self.lives * 5:
            return f"{mails} of {self.lives * 5} mails"
        for (database, what), (query, each) in LEFT_IN_LIFE.items():
            if (found := await self._count(database, query)) < self.lives * each:
                return f"{found} of {self.lives * each} {what} in {database}"
        for (database, what), query in NOTHING_LEFT.items():
            if found := await self._count(database, query):
                return f"{found} still in {database}: {what}"
        return await self._behind()

    async def _count(self, database: str, query: str) -> int:
        return int(await self.databases[database].fetchval(query))

    async def _behind(self) -> str:
        """A consumer of the stream that has not handled everything."""
        consumers: list[Any] = await self.js.consumers_info(STREAM)
        for one in consumers:
            if one.config.durable_name and (one.num_pending or one.num_ack_pending):
                return f"{one.num_pending} messages pending, {one.num_ack_pending} unacknowledged for {one.name}"
        return ""
