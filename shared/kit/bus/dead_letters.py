"""Dead letters: events a consumer could not handle, for an operator to read and replay."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from shared.contracts.names import DEAD_STREAM, dead_subject, retry_subject
from shared.kit.bus.connection import Bus


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter: `sequence` is its number in the dead-letter stream."""

    sequence: int
    consumer: str
    subject: str
    event_id: str
    error: str
    attempts: int
    buried_at: datetime | None
    payload: bytes


async def dead_letter(js: JetStreamContext, consumer: str, message: Msg, error: str, attempts: int) -> None:
    """Copies a message to the dead-letter stream; idempotent."""
    event_id = (message.headers or {}).get("Nats-Msg-Id", f"stream-{message.metadata.sequence.stream}")
    await js.publish(
        dead_subject(consumer, message.subject),
        message.data,
        headers={
            "Nats-Msg-Id": f"{consumer}:{event_id}:{message.metadata.sequence.stream}",
            "Everdesk-Event-Id": event_id,
            "Everdesk-Error": " ".join(error.encode("utf-8", "backslashreplace").decode().split())[:500],
            "Everdesk-Attempts": str(attempts),
        },
    )


class DeadLetters:
    """List, replay and discard, for `everdesk dead-letters` and `/v1/dead-letters`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def list(self, after: int = 0, limit: int = 50, consumer: str | None = None) -> list[DeadLetter]:
        """Returns the dead letters with a sequence above `after`, oldest first."""
        found: list[DeadLetter] = []
        async for letter in self._walk(after, consumer):
            found.append(letter)
            if len(found) >= limit:
                break
        return found

    async def get(self, sequence: int) -> DeadLetter:
        """Returns one dead letter. Raises LookupError for an unknown sequence."""
        js = await self._bus.jetstream()
        try:
            raw = await js.get_msg(DEAD_STREAM, seq=sequence)
        except NotFoundError as error:
            raise LookupError(f"no dead letter {sequence}") from error
        return _letter(sequence, raw.subject or "", raw.headers or {}, raw.data or b"", raw.time)

    async def replay(self, sequence: int) -> DeadLetter:
        """Republishes the event to the consumer that failed, then removes the dead letter."""
        letter = await self.get(sequence)
        js = await self._bus.jetstream()
        entity = letter.subject.rsplit(".", 1)[-1]
        await js.publish(
            retry_subject(letter.consumer, entity),
            letter.payload,
            headers={
                "Nats-Msg-Id": f"retry:{letter.consumer}:{sequence}",
                "Content-Type": "application/cloudevents+json",
            },
        )
        await js.delete_msg(DEAD_STREAM, sequence)
        return letter

    async def discard(self, sequence: int) -> DeadLetter:
        """Removes a dead letter for good."""
        letter = await self.get(sequence)
        js = await self._bus.jetstream()
        await js.delete_msg(DEAD_STREAM, sequence)
        return letter

    async def forget(self, consumer: str, entity_id: str) -> None:
        """Removes all dead letters of one consumer about one ticket, agent or other entity."""
        js = await self._bus.jetstream()
        await js.purge_stream(DEAD_STREAM, subject=dead_subject(consumer, f"everdesk.*.*.v1.{entity_id}"))

    async def _walk(self, after: int, consumer: str | None) -> AsyncIterator[DeadLetter]:
        js = await self._bus.jetstream()
        subject = f"everdesk_dead.{consumer}.>" if consumer else "everdesk_dead.>"
        subscription = await js.pull_subscribe(
            subject,
            stream=DEAD_STREAM,
            config=ConsumerConfig(
                ack_policy=AckPolicy.NONE,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=after + 1,
                inactive_threshold=5,
                mem_storage=True,
            ),
        )
        try:
            while (await subscription.consumer_info()).num_pending:
                for message in await subscription.fetch(100, timeout=1):
                    metadata = message.metadata
                    yield _letter(
                        metadata.sequence.stream,
                        message.subject,
                        message.headers or {},
                        message.data,
                        metadata.timestamp,
                    )
        except nats.errors.TimeoutError:
            return
        finally:
            await subscription.unsubscribe()


def _letter(
    sequence: int, subject: str, headers: dict[str, str], payload: bytes, buried_at: datetime | None
) -> DeadLetter:
    _, consumer, original = subject.split(".", 2)
    return DeadLetter(
        sequence=sequence,
        consumer=consumer,
        subject=original,
        event_id=headers.get("Everdesk-Event-Id", ""),
        error=headers.get("Everdesk-Error", ""),
        attempts=int(headers.get("Everdesk-Attempts", "0")),
        buried_at=buried_at,
        payload=payload,
    )
