"""Permanent deletion of single events from a stream, once every consumer has passed them."""

from collections.abc import Callable
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError
from pydantic import ValidationError

from shared.contracts.events import Envelope
from shared.contracts.names import DEAD_STREAM, STREAM, dead_subject, retry_subject
from shared.kit.bus.connection import Bus

ANYBODY = "*"
Judge = Callable[[Envelope], bool]


class StreamEraser:
    """Deletes message by message: that overwrites them on disk, a purge by subject does not."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def position_of(self, subject: str) -> int | None:
        """Returns the sequence of the newest event of a subject."""
        js = await self._bus.jetstream()
        try:
            return (await js.get_last_msg(STREAM, subject)).seq
        except NotFoundError:
            return None

    async def has_everybody_passed(self, position: int) -> bool:
        """Whether every durable consumer has acknowledged its events up to a sequence."""
        js = await self._bus.jetstream()
        offset = 0
        while consumers := await js.consumers_info(STREAM, offset):
            offset += len(consumers)
            for consumer in consumers:
                floor = consumer.ack_floor.stream_seq if consumer.ack_floor else 0
                is_behind = floor < position and bool(consumer.num_pending or consumer.num_ack_pending)
                if consumer.config.durable_name and is_behind:
                    return False
        return True

    async def erase(self, subject: str, is_meant: Judge = lambda _event: True) -> int:
        """Deletes the selected events of a subject and their dead letters; returns their number.

        `subject` may contain `*`. Messages that cannot be parsed are always selected.
        """
        js = await self._bus.jetstream()
        entity = subject.rsplit(".", 1)[-1]
        places = (
            (STREAM, subject),
            (STREAM, retry_subject(ANYBODY, entity)),
            (DEAD_STREAM, dead_subject(ANYBODY, subject)),
            (DEAD_STREAM, dead_subject(ANYBODY, retry_subject(ANYBODY, entity))),
        )
        return sum([await self._erase(js, stream, where, is_meant) for stream, where in places])

    async def _erase(self, js: JetStreamContext, stream: str, subject: str, is_meant: Judge) -> int:
        position, erased = 1, 0
        while (message := await _next(js, stream, subject, position)) is not None:
            sequence = int(message.seq or 0)
            if _is_meant(message, is_meant):
                await js.delete_msg(stream, sequence)
                erased += 1
            position = sequence + 1
        return erased


async def _next(js: JetStreamContext, stream: str, subject: str, position: int) -> RawStreamMsg | None:
    wanted: dict[str, Any] = {"seq": position, "subject": subject, "next": True}
    try:
        return await js.get_msg(stream, **wanted)
    except NotFoundError:
        return None


def _is_meant(message: RawStreamMsg, is_meant: Judge) -> bool:
    try:
        return is_meant(Envelope.model_validate_json(message.data or b""))
    except ValidationError:
        return True
