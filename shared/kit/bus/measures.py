"""What waits in the streams: for each durable consumer, and as dead letters."""

from nats.js.api import StreamInfo
from prometheus_client import Gauge

from shared.contracts.names import DEAD_STREAM, STREAM
from shared.kit.bus.connection import Bus
from shared.kit.measures import Measure

CONSUMER_PENDING = Gauge(
    "everdesk_consumer_pending",
    "Events that a durable consumer has not settled, those under way included",
    ("consumer",),
)
CONSUMER_REDELIVERED = Gauge(
    "everdesk_consumer_redelivered", "Events that a durable consumer has been given more than once", ("consumer",)
)
DEAD_LETTERS = Gauge("everdesk_dead_letters", "Events that consumers could not handle, waiting for an operator")
STREAM_BYTES = Gauge("everdesk_stream_bytes", "Bytes in a stream", ("stream",))
STREAM_MAX_BYTES = Gauge("everdesk_stream_max_bytes", "Bytes a stream has room for", ("stream",))


def bus_measure(bus: Bus) -> Measure:
    """Sets the gauges of the server's streams and consumers."""

    async def measure() -> None:
        await bus.check_connected()
        js = await bus.jetstream()
        for consumer in await js.consumers_info(STREAM):
            if consumer.config.durable_name:
                waiting = (consumer.num_pending or 0) + (consumer.num_ack_pending or 0)
                CONSUMER_PENDING.labels(consumer.name).set(waiting)
                CONSUMER_REDELIVERED.labels(consumer.name).set(consumer.num_redelivered or 0)
        dead = await js.stream_info(DEAD_STREAM)
        for stream in (await js.stream_info(STREAM), dead):
            _note_size(stream)
        DEAD_LETTERS.set(dead.state.messages)

    return measure


def _note_size(stream: StreamInfo) -> None:
    name = stream.config.name or ""
    STREAM_BYTES.labels(name).set(stream.state.bytes)
    STREAM_MAX_BYTES.labels(name).set(stream.config.max_bytes or 0)
