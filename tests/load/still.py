"""Whether anything is on its way in a running system: in an outbox, in the stream, or among mails to send."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import nats
from nats.js import JetStreamContext

from shared.contracts.names import STREAM
from tests.load.systems import HostedSystem

WITHIN = 180.0
LOOK_EVERY = 0.1
STILL_FOR = 0.5
"""The stream must not have grown for so long: a workflow may be about to say more."""
WAITING = {
    "intake": "select count(*) from outbox",
    "assignment": "select (select count(*) from outbox) + (select count(*) from intents)",
    "notification": (
        "select (select count(*) from outbox)"
        " + (select count(*) from deliveries where status in ('waiting', 'queued', 'sending'))"
    ),
}


@dataclass
class Stillness:
    """Looks at one system."""

    js: JetStreamContext
    databases: dict[str, "asyncpg.Connection"]
    _last: tuple[int, float] = field(default=(-1, 0.0))

    @classmethod
    @asynccontextmanager
    async def of(cls, system: HostedSystem) -> AsyncIterator["Stillness"]:
        """Connected to its engines."""
        bus = await nats.connect(system.nats_url)
        databases = {name: await asyncpg.connect(f"{system.database_url}/{name}") for name in WAITING}
        try:
            yield cls(bus.jetstream(), databases)
        finally:
            for connection in databases.values():
                await connection.close()
            await bus.close()

    async def wait(self, without: str = "") -> None:
        """Returns once nothing moves, one service left out. Raises AssertionError when patience ends."""
        give_up_at = time.monotonic() + WITHIN
        while await self.is_moving(without):
            assert time.monotonic() < give_up_at, f"still under way: {await self.waiting(without)}"
            await asyncio.sleep(LOOK_EVERY)

    async def is_moving(self, without: str = "") -> bool:
        """Whether anything waits, or the stream has grown a moment ago."""
        last, now = (await self.js.stream_info(STREAM)).state.last_seq, time.monotonic()
        if last != self._last[0]:
            self._last = (last, now)
        return now - self._last[1] < STILL_FOR or bool(await self.waiting(without))

    async def waiting(self, without: str = "") -> dict[str, int]:
        """What waits, by where."""
        found: dict[str, int] = {}
        for name, query in WAITING.items():
            if name != without:
                found[name] = int(await self.databases[name].fetchval(query))
        for one in await self.js.consumers_info(STREAM):
            if one.config.durable_name and not (without and without in one.config.durable_name):
                found[f"consumer {one.name}"] = (one.num_pending or 0) + (one.num_ack_pending or 0)
        return {name: count for name, count in found.items() if count}
