"""A durable pull consumer: batches, pauses while a dependency is unreachable, dead letters.

Own code on nats-py because the library offers neither a transaction per batch with a fall-back to single events,
nor a pause that counts no attempt, nor dead letters; FastStream was measured at a twentieth of the throughput."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from pydantic import ValidationError
from structlog.contextvars import bound_contextvars

from shared.contracts.events import Envelope
from shared.contracts.names import STREAM, retry_subject
from shared.kit.backoff import DEPENDENCY, EVENT_FAILED, EVENT_NOT_YET, retry
from shared.kit.bus.connection import REFUSED, Bus, BusUnavailable
from shared.kit.bus.dead_letters import dead_letter
from shared.kit.bus.durable_consumers import ConsumerProgress, configuration_of, ensure_consumer
from shared.kit.bus.pull import PullStream, give_back
from shared.kit.clock import utc_now
from shared.kit.outages import is_unreachable
from shared.kit.stopping import pass_on_cancellation
from shared.kit.telemetry import CONSUMER_PAUSED, EVENTS_HANDLED, log
from shared.kit.tracing import TracedEvent, consumer_spans

LINGER_SECONDS = 0.04
"""For consumers whose effect nobody waits for at that moment."""
RENEW_SECONDS = 2.0
"""How often a process that works on a batch says so."""
LEAST_DELIVERIES = 6
"""Of what is not yet possible, however old it is: what it waits for may be under way after a long outage."""
LARGE = 4096
"""Bytes of an event that is prepared."""
MAX_ATTEMPTS = len(EVENT_FAILED.seconds) + 1


class NotYet(Exception):
    """A precondition of the event is not met yet. Retried later; dead-lettered after the consumer's `patience`."""


class PartialFailure(Exception):
    """Some events of a batch failed, by id; all others were handled."""

    def __init__(self, failed: Mapping[str, Exception]) -> None:
        super().__init__(f"{len(failed)} events failed")
        self.failed = failed


class Unavailable(Exception):
    """A dependency is unreachable. The consumer pauses; no attempt is counted."""


Handler = Callable[[list[Envelope]], Awaitable[None]]
Prepare = Callable[[object], Awaitable[None]]


@dataclass
class Consumer:
    """A durable consumer: subjects and handler.

    `handle` must be idempotent, and all-or-nothing per call unless it raises PartialFailure.
    """

    name: str
    subjects: tuple[str, ...]
    handle: Handler
    batch: int = 100
    patience: timedelta = timedelta(minutes=10)
    """How old an event may become that is not yet possible."""
    linger: float = 0.0
    """Seconds for which the first event of a batch waits for others: what one action causes then costs one call."""
    busy_linger: float = 0.0
    """The same while many arrive, for consumers that save much by it and may be late."""
    is_own: Callable[[str], bool] = lambda _event_id: False
    """Whether an event's effect on this consumer was part of the transaction that announced it: it is passed over."""
    prepare: Prepare | None = None
    """What is done with the content of a large event beside the process, so that handling it is quick."""
    replaces: str | None = None
    """The durable consumer that older code read as; it is removed."""
    attempts: dict[str, int] = field(default_factory=dict)
    """Failures per event while its dependencies were healthy."""
    progress: ConsumerProgress = field(default_factory=ConsumerProgress)

    @property
    def filters(self) -> list[str]:
        """Returns the subscribed subjects and the consumer's own retry subject."""
        return [*self.subjects, retry_subject(self.name, "*")]


def is_away(error: BaseException) -> bool:
    """Whether the error means that a dependency is unreachable."""
    return isinstance(error, (Unavailable, BusUnavailable)) or is_unreachable(error)


async def run_consumer(bus: Bus, consumer: Consumer, prepare: Prepare | None = None) -> None:
    """Consumes until cancelled. Large events are prepared before they are handled.

    One subscription is kept across reconnections: the server may answer a request of an abandoned one, and those
    events would be redelivered only after ACK_WAIT_SECONDS.
    """
    pull: PullStream | None = None
    consumer.prepare = prepare

    def interrupt() -> None:
        if pull is not None:
            pull.interrupt()

    with bus.calling_on_change(interrupt):
        try:
            while True:
                try:
                    js, client = await bus.jetstream(), bus.client
                    generation = bus.generation
                    await ensure_consumer(js, configuration_of(consumer.name, consumer.filters), consumer.progress)
                    if consumer.replaces is not None:
                        with suppress(NotFoundError):
                            await js.delete_consumer(STREAM, consumer.replaces)
                    if pull is None or pull.client is not client:
                        pull = PullStream(client, consumer.name, consumer.batch)
                    log.info("consumer.ready", consumer=consumer.name)
                    await _consume(js, pull, consumer, lambda: bus.generation == generation)  # noqa: B023 - awaited
                except REFUSED as error:
                    if isinstance(error, NotFoundError):
                        bus.look_again()
                    log.warning("consumer.interrupted", consumer=consumer.name, error=repr(error))
                    await asyncio.sleep(DEPENDENCY.after(2))
        finally:
            if pull is not None:
                await pull.close()


async def _consume(js: JetStreamContext, pull: PullStream, consumer: Consumer, is_current: Callable[[], bool]) -> None:
    """Consumes until NATS was reconnected, when the server may have lost the consumer."""
    while is_current():
        pass_on_cancellation()
        if messages := await pull.next_batch(consumer.linger, consumer.busy_linger):
            newest = max(messages, key=lambda message: message.metadata.sequence.stream)
            newest_id = (newest.headers or {}).get("Nats-Msg-Id", "")
            consumer.progress.note(newest.metadata.sequence.stream, newest_id)
            try:
                async with _in_progress(messages):
                    await _settle(js, consumer, messages)
            except asyncio.CancelledError:
                await give_back(messages)
                raise


async def _pass_over_own(consumer: Consumer, messages: Sequence[Msg]) -> list[Msg]:
    """Acknowledges events that this process has applied already; returns the others."""
    others: list[Msg] = []
    for message in messages:
        if consumer.is_own((message.headers or {}).get("Nats-Msg-Id", "")):
            await message.ack()
            EVENTS_HANDLED.labels(consumer.name, "own").inc()
        else:
            others.append(message)
    return others


async def _settle(js: JetStreamContext, consumer: Consumer, messages: Sequence[Msg]) -> None:
    """Handles a batch in one call; if that fails, each event alone."""
    readable: list[tuple[Msg, Envelope]] = []
    for message in await _pass_over_own(consumer, messages):
        try:
            readable.append((message, Envelope.model_validate_json(message.data)))
        except ValidationError as error:
            await _dead_letter(js, consumer, message, error, attempts=1)
    if not readable:
        return
    for message, envelope in readable:
        if consumer.prepare is not None and len(message.data) > LARGE:
            await consumer.prepare(envelope.data)
    try:
        await _handle_when_possible(consumer, readable)
    except PartialFailure as partly:
        await _settle_each(js, consumer, readable, partly.failed)
        return
    except Exception as error:  # noqa: BLE001 - whatever fails, the event is retried or kept as a dead letter
        if len(readable) == 1:
            await _failed(js, consumer, *readable[0], error)
            return
        for pair in readable:
            await _settle_one(js, consumer, pair)
        return
    await asyncio.gather(*(message.ack() for message, _ in readable))
    EVENTS_HANDLED.labels(consumer.name, "handled").inc(len(readable))


async def _settle_each(
    js: JetStreamContext, consumer: Consumer, pairs: Sequence[tuple[Msg, Envelope]], failed: Mapping[str, Exception]
) -> None:
    """Handles events one by one; failed ones are retried or dead-lettered."""
    done = [(message, envelope) for message, envelope in pairs if envelope.id not in failed]
    await asyncio.gather(*(message.ack() for message, _ in done))
    EVENTS_HANDLED.labels(consumer.name, "handled").inc(len(done))
    for _, envelope in done:
        consumer.attempts.pop(envelope.id, None)
    for message, envelope in pairs:
        if envelope.id in failed:
            await _failed(js, consumer, message, envelope, failed[envelope.id])


async def _settle_one(js: JetStreamContext, consumer: Consumer, pair: tuple[Msg, Envelope]) -> None:
    try:
        await _handle_when_possible(consumer, [pair])
    except PartialFailure as partly:
        await _settle_each(js, consumer, [pair], partly.failed)
        return
    except Exception as error:  # noqa: BLE001 - as above
        await _failed(js, consumer, *pair, error)
        return
    await pair[0].ack()
    EVENTS_HANDLED.labels(consumer.name, "handled").inc()


async def _handle_when_possible(consumer: Consumer, pairs: Sequence[tuple[Msg, Envelope]]) -> None:
    """Calls the handler, waiting while a dependency is unreachable."""
    is_paused = False
    messages = [message for message, _ in pairs]

    def pause(error: Exception, failures: int) -> None:
        nonlocal is_paused
        is_paused = True
        if failures == 0:
            log.warning("consumer.paused", consumer=consumer.name, error=repr(error))
        CONSUMER_PAUSED.labels(consumer.name).set(1)

    async def handle() -> None:
        if is_paused:
            await _renew(messages)
        with _named_in_logs(pairs), _traced(consumer, pairs):
            await consumer.handle([envelope for _, envelope in pairs])

    try:
        await retry(handle, DEPENDENCY, is_away, pause)
        for _, envelope in pairs:
            consumer.attempts.pop(envelope.id, None)
    finally:
        if is_paused:
            log.info("consumer.resumed", consumer=consumer.name)
            CONSUMER_PAUSED.labels(consumer.name).set(0)


@asynccontextmanager
async def _in_progress(messages: Sequence[Msg]) -> AsyncIterator[None]:
    """Sends in-progress acknowledgements for the duration of the block, so that slow batches are not redelivered.

    Those of a batch that wait for their turn are kept as well; what is settled meanwhile is left out.
    """

    async def keep_on() -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await _renew(messages)

    renewing = asyncio.create_task(keep_on())
    try:
        yield
    finally:
        renewing.cancel()


def _traced(consumer: Consumer, pairs: Sequence[tuple[Msg, Envelope]]) -> AbstractContextManager[None]:
    """A span for each event of a recorded trace; without one, nothing."""
    events = [
        TracedEvent(envelope.id, envelope.type, envelope.subject, envelope.traceparent)
        for _, envelope in pairs
        if envelope.traceparent
    ]
    return consumer_spans(consumer.name, events, is_alone=len(pairs) == 1)


@contextmanager
def _named_in_logs(pairs: Sequence[tuple[Msg, Envelope]]) -> Iterator[None]:
    """Lines that are logged while one event is handled alone name it, and its ticket; those of a batch name none."""
    if len(pairs) > 1:
        yield
        return
    envelope = pairs[0][1]
    about = {"ticket_id": str(envelope.data["ticket_id"])} if "ticket_id" in envelope.data else {}
    with bound_contextvars(event_id=envelope.id, event_type=envelope.type, **about):
        yield


async def _renew(messages: Sequence[Msg]) -> None:
    with suppress(*REFUSED):
        await asyncio.gather(*(message.in_progress() for message in messages if not message.is_acked))


async def _failed(js: JetStreamContext, consumer: Consumer, message: Msg, envelope: Envelope, error: Exception) -> None:
    if isinstance(error, NotYet):
        await _wait(js, consumer, message, envelope, error)
        return
    attempts = consumer.attempts.get(envelope.id, 0) + 1
    consumer.attempts[envelope.id] = attempts
    log.error(
        "consumer.failed",
        consumer=consumer.name,
        event_id=envelope.id,
        event_type=envelope.type,
        attempt=attempts,
        exc_info=error,
    )
    if attempts >= MAX_ATTEMPTS:
        consumer.attempts.pop(envelope.id, None)
        await _dead_letter(js, consumer, message, error, attempts)
        return
    EVENTS_HANDLED.labels(consumer.name, "retried").inc()
    await message.nak(delay=EVENT_FAILED.after(attempts))


async def _wait(js: JetStreamContext, consumer: Consumer, message: Msg, envelope: Envelope, error: NotYet) -> None:
    """Redelivers an event later with growing delay; dead-letters one that has waited too long.

    Time counts from the event's arrival in the stream, so a replayed dead letter waits anew.
    """
    deliveries, since = message.metadata.num_delivered or 1, message.metadata.timestamp
    if deliveries >= LEAST_DELIVERIES and utc_now() - since > consumer.patience:
        log.error("consumer.out_of_patience", consumer=consumer.name, event_id=envelope.id, reason=str(error))
        await _dead_letter(js, consumer, message, error, deliveries)
        return
    log.info("consumer.waits", consumer=consumer.name, event_id=envelope.id, reason=str(error))
    EVENTS_HANDLED.labels(consumer.name, "waits").inc()
    await message.nak(delay=EVENT_NOT_YET.after(deliveries))


async def _dead_letter(js: JetStreamContext, consumer: Consumer, message: Msg, error: Exception, attempts: int) -> None:
    """Copies the event to the dead-letter stream, then acknowledges it."""
    await dead_letter(js, consumer.name, message, repr(error), attempts)
    await message.ack()
    EVENTS_HANDLED.labels(consumer.name, "dead").inc()
