"""Listener of PostgreSQL NOTIFY on a connection of its own, with reconnection."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncpg

from shared.kit.backoff import LISTEN, Pauses
from shared.kit.relay import AWAY
from shared.kit.telemetry import log

PROOF_SECONDS = 20.0
"""How often a silent connection must prove that it is alive."""


class NotificationListener:
    """Calls `on_payload` with the payload of each notification, and `missed` whenever some may have been lost.

    That is when it begins to listen, when the connection is lost, and now and then until there is another.
    """

    def __init__(self, dsn: str, channel: str, on_payload: Callable[[str], None], missed: Callable[[], None]) -> None:
        self._dsn = dsn
        self._channel = channel
        self._on_payload = on_payload
        self._missed = missed
        self.is_listening = False

    async def run(self) -> None:
        """Listens, for ever."""
        pauses = Pauses(LISTEN)
        while True:
            try:
                connection = await asyncpg.connect(self._dsn, timeout=5, command_timeout=10)
                try:
                    pauses.reset()
                    await self._listen(connection)
                finally:
                    self.is_listening = False
                    with suppress(Exception):
                        async with asyncio.timeout(2):
                            await connection.close()
            except AWAY as error:
                log.warning("notifications.cannot_listen", channel=self._channel, error=repr(error))
            self._missed()
            await pauses.wait()

    async def _listen(self, connection: "asyncpg.Connection[Any]") -> None:
        """Until the connection is lost."""
        lost = asyncio.Event()

        def is_lost(_connection: object) -> None:
            self.is_listening = False
            lost.set()

        connection.add_termination_listener(is_lost)
        await connection.add_listener(self._channel, self._on_notification)
        log.info("notifications.listening", channel=self._channel)
        self._missed()
        self.is_listening = not lost.is_set()
        while not lost.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(PROOF_SECONDS):
                    await lost.wait()
            await connection.fetchval("select 1")

    def _on_notification(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._on_payload(str(payload))
