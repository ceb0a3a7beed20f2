"""The topics, read once in a while: they change a few times a year and are needed by every submission."""

import time
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from services.intake.forms import NO_FORM, Form
from services.intake.models import Topic
from shared.contracts.vocabulary import Priority
from shared.kit.db import Database

REMEMBER_SECONDS = 5.0
"""A changed topic takes effect everywhere within this time."""


@dataclass(frozen=True, slots=True)
class TopicEntry:
    """A topic as submissions and pages need it, its form parsed."""

    id: UUID
    slug: str
    name: str
    description: str
    is_active: bool
    is_public: bool = True
    priority: Priority | None = None
    form: Form = NO_FORM
    former: Form = NO_FORM
    """Removed fields, for the answers that older tickets keep."""
    thanks: str = ""
    legacy_id: int | None = None
    version: int = 1

    @classmethod
    def of(cls, topic: Topic, known: "TopicEntry | None" = None) -> "TopicEntry":
        """The entry of a stored topic; the form of a version that is known is not parsed again."""
        same = known if known and known.version == topic.version else None
        return cls(
            id=topic.id,
            slug=topic.slug,
            name=topic.name,
            description=topic.description,
            is_active=topic.is_active,
            is_public=topic.is_public,
            priority=topic.priority,
            form=same.form if same else Form.parse(topic.form),
            former=same.former if same else Form.parse_former(topic.former_fields),
            thanks=topic.thanks,
            legacy_id=topic.legacy_id,
            version=topic.version,
        )


class TopicCache:
    """The catalogue of topics, remembered for a few seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._entries: list[TopicEntry] = []
        self._by_name: dict[str, TopicEntry] = {}
        self._fresh_until = 0.0

    async def active(self) -> list[TopicEntry]:
        """What can be chosen, in the order of the list."""
        await self._refresh()
        return [entry for entry in self._entries if entry.is_active]

    async def public(self) -> list[TopicEntry]:
        """What can be chosen in the portal, in the order of the list."""
        return [entry for entry in await self.active() if entry.is_public]

    async def find(self, slug_or_id: str) -> TopicEntry | None:
        """The active topic of that slug or id."""
        entry = await self._named(slug_or_id)
        return entry if entry and entry.is_active else None

    async def find_public(self, slug_or_id: str) -> TopicEntry | None:
        """The topic of that slug or id, if it can be chosen in the portal."""
        entry = await self.find(slug_or_id)
        return entry if entry and entry.is_public else None

    async def find_legacy(self, legacy_id: int) -> TopicEntry | None:
        """The active topic that clients of the help desk before this one know by that number."""
        return next((entry for entry in await self.active() if entry.legacy_id == legacy_id), None)

    async def of_ticket(self, topic_id: UUID | None) -> TopicEntry | None:
        """The topic that a ticket names, active or not."""
        return await self._named(str(topic_id)) if topic_id else None

    async def slug_of(self, topic_id: UUID | None) -> str | None:
        """The slug of a topic, active or not."""
        entry = await self.of_ticket(topic_id)
        return entry.slug if entry else None

    def forget(self) -> None:
        """Makes a change that was just committed seen at once in this process."""
        self._fresh_until = 0.0

    async def _named(self, slug_or_id: str) -> TopicEntry | None:
        await self._refresh()
        return self._by_name.get(slug_or_id.lower())

    async def _refresh(self) -> None:
        if time.monotonic() < self._fresh_until:
            return
        async with self._database.begin() as session:
            topics = (await session.scalars(select(Topic).order_by(Topic.position, Topic.slug))).all()
        known = {entry.id: entry for entry in self._entries}
        self._entries = [TopicEntry.of(topic, known.get(topic.id)) for topic in topics]
        self._by_name = {name: entry for entry in self._entries for name in (entry.slug, str(entry.id))}
        self._fresh_until = time.monotonic() + REMEMBER_SECONDS
