"""What a fresh help desk starts with: five topics and, if wanted, a key for demonstrations."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from services.intake.commands.keys import CLIENT_SCOPES, put_key
from services.intake.models import Topic
from services.intake.settings import IntakeSettings
from shared.contracts.events import TopicChanged
from shared.contracts.tickets import TopicId
from shared.kit import outbox
from shared.kit.auth import ApiKey
from shared.kit.clock import derived_id, utc_now
from shared.kit.db import Database, Session

TOPIC_NAMESPACE = UUID("6f1c1b2e-6f0a-5d0e-9a53-0e7e5ec7a001")
"""Topic ids derive from their slugs, so that every installation seeds the same ones."""
SEEDED_TOPICS = (
    ("general", "General enquiry", "Questions that fit nowhere else"),
    ("online-banking", "Online banking", "Payments, transfers, cards and the banking app"),
    ("access", "Access and accounts", "Signing in, passwords, new and closed accounts"),
    ("report-problem", "Report a problem", "Something is broken, slow or behaves oddly"),
    ("feedback", "Feedback", "What you like, and what we should do better"),
)
DEMO_KEY_PER_MINUTE = 60_000
"""Enough for load tests on one's own machine."""


async def seed(database: Database, settings: IntakeSettings) -> None:
    """Puts in place what is missing; running it again changes nothing."""
    async with database.begin() as session:
        for position, (slug, name, description) in enumerate(SEEDED_TOPICS):
            topic = Topic(
                id=derived_id(TOPIC_NAMESPACE, slug), slug=slug, name=name, description=description, position=position
            )
            await _put_topic(session, topic)
        if settings.seed_api_key and (key := ApiKey.parse(settings.seed_api_key.get_secret_value())):
            await put_key(session, key, "Demonstration", CLIENT_SCOPES, per_minute=DEMO_KEY_PER_MINUTE)


async def _put_topic(session: Session, topic: Topic) -> None:
    names = ("id", "slug", "name", "description", "position")
    values = {name: getattr(topic, name) for name in names} | {"is_active": True, "version": 1}
    inserted = await session.scalar(insert(Topic).values(values).on_conflict_do_nothing().returning(Topic.id))
    if inserted is None:
        return
    event = TopicChanged(topic_id=TopicId(topic.id), slug=topic.slug, name=topic.name, is_active=True, version=1)
    await outbox.add(session, event, f"topic-{topic.id}:1", utc_now())
