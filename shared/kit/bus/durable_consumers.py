"""Creates and corrects durable JetStream consumers: as configured, and never ahead of a stream that was restored."""

from collections.abc import Sequence
from dataclasses import dataclass

from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy
from nats.js.errors import BadRequestError, ServerError

from shared.contracts.names import STREAM
from shared.kit.bus.recent_publishes import missing_from_stream
from shared.kit.telemetry import log

ACK_WAIT_SECONDS = 8.0
"""How long the events of a process that was killed wait for another one."""
MOST_PENDING = 50_000
"""Events that may wait for another delivery before JetStream hands out no new ones."""
NOT_CHANGEABLE = (10012, 10013, 10058, 10105, 10148)
"""JetStream's codes for a consumer that exists and cannot be changed in what it is asked to."""


@dataclass
class ConsumerProgress:
    """The furthest event that this process has been given, and its place in the stream."""

    sequence: int = 0
    event_id: str = ""

    def note(self, sequence: int, event_id: str) -> None:
        """Remembers an event that is further than those before."""
        if sequence > self.sequence:
            self.sequence, self.event_id = sequence, event_id


def configuration_of(name: str, filters: Sequence[str]) -> ConsumerConfig:
    """What a durable consumer is to be."""
    return ConsumerConfig(
        durable_name=name,
        filter_subjects=list(filters),
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.ALL,
        ack_wait=ACK_WAIT_SECONDS,
        max_deliver=-1,
        max_ack_pending=MOST_PENDING,
    )


async def ensure_consumer(js: JetStreamContext, config: ConsumerConfig, progress: ConsumerProgress) -> None:
    """Creates or updates a consumer.

    One that cannot be changed to what it should be is made anew, and so is one that has been further than the stream
    now is: it would pass over what is published again. Both are then given all events once more; handlers know those
    they have handled.
    """
    try:
        info = await js.add_consumer(STREAM, config)
    except (BadRequestError, ServerError) as error:
        if error.err_code not in NOT_CHANGEABLE:
            raise
        log.error("consumer.made_anew", consumer=config.durable_name, reason=repr(error))
        await _make_anew(js, config)
    else:
        if await _is_ahead(js, info, progress):
            log.error("consumer.made_anew", consumer=config.durable_name, reason="it was ahead of the stream")
            await _make_anew(js, config)
            progress.sequence, progress.event_id = 0, ""


async def _make_anew(js: JetStreamContext, config: ConsumerConfig) -> None:
    await js.delete_consumer(STREAM, config.durable_name or "")
    await js.add_consumer(STREAM, config)


async def _is_ahead(js: JetStreamContext, info: ConsumerInfo, progress: ConsumerProgress) -> bool:
    """Whether the consumer was given events that the stream does not hold any more, or holds others in their places."""
    delivered = info.delivered.stream_seq if info.delivered else 0
    if delivered > (await js.stream_info(STREAM)).state.last_seq:
        return True
    if not progress.event_id or delivered < progress.sequence:
        return False
    return bool(await missing_from_stream(js, [(progress.sequence, progress.event_id)]))
