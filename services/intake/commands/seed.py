"""What a fresh help desk starts with: five topics and, if wanted, a key for demonstrations."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from services.intake.access.key_scopes import CLIENT_SCOPES
from services.intake.commands.keys import put_key
from services.intake.commands.seeded_topics import SEEDED_TOPICS
from services.intake.commands.topics import FIRST_VERSION, announce_topic, topic_of
from services.intake.models import Topic
from services.intake.settings import IntakeSettings
from shared.kit.auth import ApiKey
from shared.kit.clock import derived_id
from shared.kit.db import Database, Session

TOPIC_NAMESPACE = UUID("6f1c1b2e-6f0a-5d0e-9a53-0e7e5ec7a001")
"""Topic ids derive from their slugs, so that every installation seeds the same ones."""
DEMO_KEY_PER_MINUTE = 60_000
"""Enough for load tests on one's own machine."""


async def seed(database: Database, settings: IntakeSettings) -> None:
    """Puts in place what is missing; running it again changes nothing."""
    async with database.begin() as session:
        for position, content in enumerate(SEEDED_TOPICS if settings.seed == "demo" else ()):
            await _put_topic(session, topic_of(content, derived_id(TOPIC_NAMESPACE, content.slug), position))
        if settings.seed_api_key and (key := ApiKey.parse(settings.seed_api_key.get_secret_value())):
            await put_key(session, key, "Demonstration", CLIENT_SCOPES, per_minute=DEMO_KEY_PER_MINUTE)


async def _put_topic(session: Session, topic: Topic) -> None:
    topic.version = FIRST_VERSION
    values = {column.key: getattr(topic, column.key) for column in Topic.__table__.columns}
    inserted = await session.scalar(insert(Topic).values(values).on_conflict_do_nothing().returning(Topic.id))
    if inserted is not None:
        await announce_topic(session, topic)
