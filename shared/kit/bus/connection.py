"""The connection to JetStream: made in the background, so that a process starts and serves while NATS is away."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import nats
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js import errors as js_errors
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from shared.contracts.events import Envelope
from shared.contracts.names import DEAD_STREAM, DEAD_SUBJECTS, STREAM, STREAM_SUBJECTS
from shared.kit.settings import Settings
from shared.kit.telemetry import log

ACK_TIMEOUT = 5.0
DUPLICATE_WINDOW = 120.0
FLUSH_SECONDS = 1
CONNECT_RETRY_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.0)

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
    """JetStream did not acknowledge: it is away, full, or between leaders. Trying again is right."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish; `id` is what JetStream deduplicates by."""

    id: str
    subject: str
    payload: bytes

    @classmethod
    def of(cls, envelope: Envelope) -> "Outgoing":
        """The message that carries an event."""
        return cls(id=envelope.id, subject=envelope.nats_subject, payload=envelope.model_dump_json().encode())


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a batch, by position; messages in neither may be accepted when they are sent again."""

    acknowledged: list[int] = field(default_factory=list)
    """Durable in the stream."""
    refused: dict[int, str] = field(default_factory=dict)
    """Why the server, or its client, will never accept the message as it is."""


class Bus:
    """One connection, reconnecting for ever; streams are set up in code whenever a connection is made."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._client: Client | None = None
        self._js: JetStreamContext | None = None
        self._connected = asyncio.Event()
        self._connecting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to connect; returns at once."""
        self._connecting = asyncio.create_task(self._connect(), name="bus-connect")

    async def stop(self) -> None:
        """Closes the connection once what was written has left; what was not acknowledged is delivered again."""
        if self._connecting:
            self._connecting.cancel()
        if self._client:
            with suppress(*REFUSED):
                await self._client.flush(FLUSH_SECONDS)
            with suppress(*REFUSED):
                await self._client.close()

    @property
    def is_connected(self) -> bool:
        """Whether the server is there right now."""
        return bool(self._client and self._client.is_connected and self._connected.is_set())

    async def jetstream(self) -> JetStreamContext:
        """The JetStream context, waiting for the first connection."""
        await self._connected.wait()
        if self._js is None:
            raise BusUnavailable("not connected")
        return self._js

    async def publish_each(self, batch: Sequence[Outgoing]) -> Published:
        """Publishes all at once and returns what became of each message."""
        if not self.is_connected or self._js is None:
            return Published()
        results = await asyncio.gather(*(self._publish(message) for message in batch), return_exceptions=True)
        failed = {position: result for position, result in enumerate(results) if isinstance(result, BaseException)}
        if failed:
            log.warning("bus.not_acknowledged", count=len(failed), error=repr(next(iter(failed.values()))))
        return Published(
            [position for position in range(len(batch)) if position not in failed],
            {position: repr(error) for position, error in failed.items() if is_refusal(error)},
        )

    async def publish_until_acknowledged(self, batch: Sequence[Outgoing]) -> list[int]:
        """Publishes all at once and returns the positions JetStream has acknowledged as durable."""
        return (await self.publish_each(batch)).acknowledged

    async def publish_all(self, envelopes: Sequence[Envelope]) -> None:
        """Publishes every event; raises BusUnavailable unless all were acknowledged."""
        done = await self.publish_until_acknowledged([Outgoing.of(envelope) for envelope in envelopes])
        if len(done) < len(envelopes):
            raise BusUnavailable(f"{len(envelopes) - len(done)} of {len(envelopes)} events were not acknowledged")

    async def _publish(self, message: Outgoing) -> None:
        js = await self.jetstream()
        await js.publish(
            message.subject,
            message.payload,
            timeout=ACK_TIMEOUT,
            headers={"Nats-Msg-Id": message.id, "Content-Type": "application/cloudevents+json"},
        )

    async def _connect(self) -> None:
        attempt = 0
        while True:
            try:
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
                )
                self._js = self._client.jetstream(timeout=ACK_TIMEOUT)
                await self._ensure_streams()
            except REFUSED as error:
                log.warning("bus.away", error=repr(error))
                if self._client and not self._client.is_closed:
                    with suppress(*REFUSED):
                        await self._client.close()
                await asyncio.sleep(CONNECT_RETRY_SECONDS[min(attempt, len(CONNECT_RETRY_SECONDS) - 1)])
                attempt += 1
            else:
                self._connected.set()
                log.info("bus.connected")
                return

    async def _ensure_streams(self) -> None:
        js = self._client.jetstream(timeout=ACK_TIMEOUT) if self._client else None
        if js is None:
            return
        max_age = self._settings.stream_max_age_days * 86_400
        for config in (
            StreamConfig(
                name=STREAM,
                subjects=list(STREAM_SUBJECTS),
                retention=RetentionPolicy.LIMITS,
                storage=StorageType.FILE,
                discard=DiscardPolicy.NEW,
                max_age=max_age,
                max_bytes=self._settings.stream_max_bytes,
                duplicate_window=DUPLICATE_WINDOW,
                allow_direct=True,
            ),
            StreamConfig(
                name=DEAD_STREAM,
                subjects=list(DEAD_SUBJECTS),
                retention=RetentionPolicy.LIMITS,
                storage=StorageType.FILE,
                discard=DiscardPolicy.NEW,
                max_age=self._settings.dead_letter_days * 86_400,
                max_bytes=self._settings.stream_max_bytes // 4,
                duplicate_window=DUPLICATE_WINDOW,
                allow_direct=True,
            ),
        ):
            try:
                await js.add_stream(config)
            except js_errors.BadRequestError:
                await js.update_stream(config)

    async def _on_error(self, error: Exception) -> None:
        log.debug("bus.error", error=repr(error))

    async def _on_disconnected(self) -> None:
        log.warning("bus.disconnected")

    async def _on_reconnected(self) -> None:
        log.info("bus.reconnected")
