"""Events to send through the pipes."""

from uuid import UUID

from shared.contracts.events import Envelope, TopicChanged
from shared.contracts.tickets import TopicId
from shared.kit import outbox
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database


def topic_changed(number: int, topic_id: UUID | None = None) -> TopicChanged:
    return TopicChanged(
        topic_id=TopicId(topic_id or new_id()), slug=f"topic-{number}", name="Topic", is_active=True, version=number
    )


def enveloped(number: int, topic_id: UUID | None = None) -> Envelope:
    return topic_changed(number, topic_id).envelope(str(new_id()), utc_now())


def version_of(envelope: Envelope) -> int:
    version = envelope.data["version"]
    assert isinstance(version, int)
    return version


async def announce(database: Database, topic_id: UUID, numbers: range) -> None:
    """Puts events into the outbox, each in a transaction of its own."""
    for number in numbers:
        async with database.begin() as session:
            await outbox.add(session, topic_changed(number, topic_id), f"{topic_id}:{number}", utc_now())
