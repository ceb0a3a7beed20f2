"""The JetStream connection; made in the background, so that a process starts and serves while NATS is unreachable."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import nats
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js import errors as js_errors
from nats.js.api import PubAck

from shared.contracts.events import Envelope
from shared.kit.backoff import CONNECT, Pauses
from shared.kit.bus.bus_message import BusMessage
from shared.kit.bus.durability import warn_of_what_can_be_lost
from shared.kit.bus.message_size import EVENT_SIZE, HEADERS_BYTES, MOST_EVENT_BYTES, size_of
from shared.kit.bus.recent_publishes import NOT_IN_STREAM, RecentPublishes
from shared.kit.bus.streams import StreamRefusedError, ensure_streams
from shared.kit.settings import Settings
from shared.kit.telemetry import log

ACK_TIMEOUT = 5.0
FLUSH_SECONDS = 1
LOOK_SECONDS = 300.0
"""How often a connected process looks whether the streams are as they should be."""

REFUSED = (nats.errors.Error, js_errors.Error, OSError, TimeoutError, asyncio.TimeoutError)
NEVER_SENT = (nats.errors.MaxPayloadError, nats.errors.BadSubjectError, nats.errors.BadHeaderError)
MESSAGE_TOO_LARGE = 10054
HEADER_TOO_LARGE = 10097
"""JetStream's codes for messages larger than the stream takes."""


def is_refusal(error: BaseException) -> bool:
    """Whether an error is about the message itself, so that sending it again as it is fails again."""
    is_too_large = isinstance(error, js_errors.APIError) and error.err_code in (MESSAGE_TOO_LARGE, HEADER_TOO_LARGE)
    return is_too_large or isinstance(error, NEVER_SENT)


class BusUnavailable(Exception):
    """JetStream did not acknowledge: unreachable, full, or without a leader. Retry."""


@dataclass(frozen=True, slots=True)
class PublishAck:
    """Outcome of a batch by position: acknowledged or refused; all others may be retried."""

    acknowledged: list[int] = field(default_factory=list)
    """Durable in the stream."""
    sequences: dict[int, int] = field(default_factory=dict)
    """Where in the stream an acknowledged message is."""
    refused: dict[int, str] = field(default_factory=dict)
    """Why the server, or its client, will never accept the message as it is."""


class Bus:
    """One connection that reconnects for ever, and checks the streams after each reconnection."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._client: Client | None = None
        self._js: JetStreamContext | None = None
        self._connected = asyncio.Event()
        self._unsure = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._highest = 0
        self._write_problem: str | None = None
        self._recent = RecentPublishes()
        self._on_change: list[Callable[[], object]] = []
        self.generation = 0
        """Grows whenever the streams had to be made sure of: what was known about them may be outdated."""

    async def start(self) -> None:
        """Starts connecting; returns at once."""
        self._keeping = asyncio.create_task(self._keep(), name="bus")

    async def stop(self) -> None:
        """Drains and closes the connection; unacknowledged messages are redelivered."""
        if self._keeping:
            self._keeping.cancel()
        if self._client:
            with suppress(*REFUSED):
                await self._client.flush(FLUSH_SECONDS)
            with suppress(*REFUSED):
                await self._client.close()

    def look_again(self) -> None:
        """Has the streams made sure of, because one of them seems to be gone."""
        self._unsure.set()

    def on_change(self, tell: Callable[[], object]) -> None:
        """Calls `tell` when the connection is made or lost, and when the streams were checked."""
        self._on_change.append(tell)

    @contextmanager
    def calling_on_change(self, tell: Callable[[], object]) -> Iterator[None]:
        """Like `on_change`, for the duration of the block."""
        self._on_change.append(tell)
        try:
            yield
        finally:
            self._on_change.remove(tell)

    def _changed(self) -> None:
        for tell in self._on_change:
            tell()

    @property
    def is_connected(self) -> bool:
        """Whether the server is connected now."""
        return bool(self._client and self._client.is_connected and self._connected.is_set())

    async def check_connected(self) -> None:
        """Raises BusUnavailable unless connected, with the streams in place."""
        if not self.is_connected:
            raise BusUnavailable("not connected")

    async def check_writable(self) -> None:
        """Raises BusUnavailable if connected and the last publish was not acknowledged."""
        if self.is_connected and self._write_problem:
            raise BusUnavailable(self._write_problem)

    async def jetstream(self) -> JetStreamContext:
        """Returns the JetStream context; waits for the connection."""
        await self._connected.wait()
        if self._js is None:
            raise BusUnavailable("not connected")
        return self._js

    @property
    def client(self) -> Client:
        """Returns the client. Raises BusUnavailable before the first connection."""
        if self._client is None:
            raise BusUnavailable("not connected")
        return self._client

    async def publish_each(self, batch: Sequence[BusMessage]) -> PublishAck:
        """Publishes concurrently and returns the outcome of each message."""
        if not self.is_connected or self._js is None:
            return PublishAck()
        known = self._highest
        results = await asyncio.gather(*(self._publish(message) for message in batch), return_exceptions=True)
        failed = {position: result for position, result in enumerate(results) if isinstance(result, BaseException)}
        acknowledged = {position: ack for position, ack in enumerate(results) if isinstance(ack, PubAck)}
        self._notice_a_step_back(known, acknowledged.values())
        self._notice_failures(failed, is_any_acknowledged=bool(acknowledged))
        return PublishAck(
            list(acknowledged),
            {position: ack.seq for position, ack in acknowledged.items()},
            {position: repr(error) for position, error in failed.items() if is_refusal(error)},
        )

    async def publish_until_acknowledged(self, batch: Sequence[BusMessage]) -> list[int]:
        """Publishes concurrently and returns the positions that JetStream acknowledged."""
        return (await self.publish_each(batch)).acknowledged

    async def publish_all(self, envelopes: Sequence[Envelope]) -> None:
        """Publishes every event; raises BusUnavailable unless all were acknowledged.

        For publishers without an outbox: recent messages are kept in memory and published again if the stream lost
        them.
        """
        batch = [BusMessage.of(envelope) for envelope in envelopes]
        done = await self.publish_each(batch)
        self._recent.keep((sequence, batch[position]) for position, sequence in done.sequences.items())
        if len(done.acknowledged) < len(batch):
            raise BusUnavailable(f"{len(batch) - len(done.acknowledged)} of {len(batch)} events were not acknowledged")

    async def _publish(self, message: BusMessage) -> PubAck:
        """Raises MaxPayloadError where the server would end the connection, for it counts headers too."""
        js = await self.jetstream()
        headers = {"Nats-Msg-Id": message.id, "Content-Type": "application/cloudevents+json"}
        if size_of(message.payload, headers) > self.client.max_payload:
            raise nats.errors.MaxPayloadError
        return await js.publish(message.subject, message.payload, timeout=ACK_TIMEOUT, headers=headers)

    def _notice_a_step_back(self, known: int, acknowledgements: Iterable[PubAck]) -> None:
        """Detects a restored stream: a new sequence at or below one acknowledged before."""
        new = [ack.seq for ack in acknowledgements if not ack.duplicate]
        if not new:
            return
        if min(new) <= known:
            log.error("bus.stream_went_back", acknowledged_before=known, now=min(new))
            self._highest = max(new)
            self._unsure.set()
        self._highest = max(self._highest, *new)

    def _notice_failures(self, failed: Mapping[int, BaseException], *, is_any_acknowledged: bool) -> None:
        problems = [error for error in failed.values() if not is_refusal(error)]
        if failed:
            log.warning("bus.not_acknowledged", count=len(failed), error=repr(next(iter(failed.values()))))
        if problems and not is_any_acknowledged:
            self._write_problem = repr(problems[0])
        elif is_any_acknowledged:
            self._write_problem = None
        if any(isinstance(error, (js_errors.NoStreamResponseError, js_errors.NotFoundError)) for error in problems):
            self._unsure.set()

    async def _keep(self) -> None:
        """Connects and checks the streams after each connection, for ever."""
        pauses = Pauses(CONNECT)
        while True:
            try:
                if self._client is None or self._client.is_closed:
                    await self._connect()
                self._unsure.clear()
                await self._ensure_streams()
            except (*REFUSED, StreamRefusedError) as error:
                log.warning("bus.away", error=repr(error))
                await pauses.wait()
                continue
            pauses.reset()
            self.generation += 1
            self._connected.set()
            self._changed()
            log.info("bus.connected")
            self._note_size()
            if self.generation == 1:
                await self._look_at_the_server()
            await self._publish_again_until_done()
            await self._wait_until_unsure()

    async def _wait_until_unsure(self) -> None:
        """Until the streams have to be made sure of; looks at them now and then, for somebody may have changed them."""
        while not self._unsure.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._unsure.wait()
            try:
                if not self._unsure.is_set() and await self._ensure_streams():
                    log.error("bus.streams_were_changed")
                    self._unsure.set()
            except (*REFUSED, StreamRefusedError) as error:
                log.warning("bus.not_looked_at", error=repr(error))

    async def _connect(self) -> None:
        self._js = None
        self._client = await nats.connect(
            self._settings.nats_url.get_secret_value(),
            name=self._name,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.25,
            connect_timeout=2,
            ping_interval=10,
            max_outstanding_pings=2,
            allow_reconnect=True,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_reconnected,
            closed_cb=self._on_closed,
        )
        self._js = self._client.jetstream(timeout=ACK_TIMEOUT)

    async def _ensure_streams(self) -> bool:
        return self._js is not None and await ensure_streams(self._js, self._settings)

    def _note_size(self) -> None:
        """Events that are larger than the server takes are refused to whoever writes them."""
        takes = self.client.max_payload
        if not EVENT_SIZE.note_server(takes):
            advice = f"set max_payload to {MOST_EVENT_BYTES + HEADERS_BYTES} bytes or more: 1MB"
            log.warning("bus.small_messages", server_takes=takes, events_have=MOST_EVENT_BYTES, advice=advice)

    async def _look_at_the_server(self) -> None:
        """Logs once whether acknowledgements are durable."""
        await warn_of_what_can_be_lost(self._settings)

    async def _publish_again_until_done(self) -> None:
        """Republishes lost messages until done, unless the streams must be checked first."""
        pauses = Pauses(CONNECT)
        while not self._unsure.is_set() and not await self._publish_again():
            await pauses.wait()

    async def _publish_again(self) -> bool:
        """Republishes messages the stream lost; False if some are still missing."""
        if self._js is None:
            return True
        try:
            lost = await self._recent.take_lost(self._js)
        except REFUSED as error:
            log.warning("bus.not_compared", error=repr(error))
            return False
        if not lost:
            return True
        log.error("bus.published_again", count=len(lost))
        done = await self.publish_each(lost)
        self._recent.keep((done.sequences.get(place, NOT_IN_STREAM), message) for place, message in enumerate(lost))
        return len(done.acknowledged) == len(lost)

    async def _on_error(self, error: Exception) -> None:
        log.debug("bus.error", error=repr(error))

    async def _on_disconnected(self) -> None:
        log.warning("bus.disconnected")
        self._changed()

    async def _on_reconnected(self) -> None:
        log.info("bus.reconnected")
        self._connected.clear()
        self._unsure.set()

    async def _on_closed(self) -> None:
        self._connected.clear()
        self._unsure.set()
        self._changed()
