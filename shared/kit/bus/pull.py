"""Pull subscription with one standing request that the server answers as events arrive."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.errors import APIError

from shared.contracts.names import STREAM

BUSY_EVENTS = 3
"""After a batch of so many events the next may linger longer: under load fewer calls then do the same work."""
EXPIRES_SECONDS = 30.0
ANSWERS_SECONDS = 5.0
"""After a request has expired, the server says so within this time, or it has lost the request."""
DRAIN_SECONDS = 2.0
HEARTBEAT = "100"
OVER = ("404", "408")
"""Statuses with which a request ends as it should: nothing there, or expired."""


async def give_back(messages: Iterable[Msg]) -> None:
    """Negatively acknowledges messages, so that the server redelivers them at once."""
    for message in messages:
        with suppress(Exception):
            await message.nak()


class PullStream:
    """Requests messages over one subscription that survives reconnections."""

    def __init__(self, client: Client, consumer: str, size: int) -> None:
        """`size` is the maximum number of unacknowledged messages."""
        self.client = client
        self._subscription: Subscription | None = None
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{consumer}"
        self._inbox = client.new_inbox()
        self._size = size
        self._left = 0
        """Messages that the server may still send on the present request."""
        self._came: list[Msg] = []
        self._news = asyncio.Event()
        self._is_full = asyncio.Event()
        """Set when a whole batch has come: nothing is gained by waiting longer."""
        self._failure: Exception | None = None
        self._is_busy = False

    async def close(self) -> None:
        """Gives back received messages that were not taken, those in flight included."""
        if self._subscription is not None:
            with suppress(Exception):
                async with asyncio.timeout(DRAIN_SECONDS):
                    await self._subscription.drain()  # type: ignore[no-untyped-call]
        await give_back(self._came)
        self._came = []

    def interrupt(self) -> None:
        """Makes `next_batch` return, because the server may have lost the request."""
        self._left = 0
        self._news.set()

    async def next_batch(self, linger: float, busy_linger: float = 0.0) -> list[Msg]:
        """Returns the messages that arrive within `linger` seconds of the first, at once if they fill a batch.

        The batch is empty after a while in which nothing came.

        While many arrive it lingers `busy_linger` seconds, if that is longer.
        Raises APIError if the consumer was deleted.
        """
        if not self._came:
            await self._request()
            with suppress(TimeoutError):
                async with asyncio.timeout(EXPIRES_SECONDS + ANSWERS_SECONDS):
                    await self._news.wait()
        if linger and 0 < len(self._came) < self._size:
            await self._wait_until_full(max(linger, busy_linger) if self._is_busy else linger)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if not self._news.is_set():
            self._left = 0
        self._news.clear()
        batch, self._came = self._came[: self._size], self._came[self._size :]
        self._is_busy = len(batch) >= BUSY_EVENTS
        return batch

    async def _wait_until_full(self, seconds: float) -> None:
        self._is_full.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_full.wait()

    async def _request(self) -> None:
        if self._left > 0:
            return
        if self._subscription is None:
            self._subscription = await self.client.subscribe(self._inbox, cb=self._on_message)
        self._left = self._size
        wanted = {"batch": self._size, "expires": int(EXPIRES_SECONDS * 1e9)}
        await self.client.publish(self._subject, json.dumps(wanted).encode(), self._inbox)

    async def _on_message(self, message: Msg) -> None:
        status = (message.headers or {}).get("Status")
        if status is None:
            self._left -= 1
            self._came.append(message)
            if len(self._came) >= self._size:
                self._is_full.set()
        elif status == HEARTBEAT:
            return
        else:
            self._left = 0
            if status not in OVER:
                self._failure = APIError(code=int(status), description=(message.headers or {}).get("Description"))
        self._news.set()
