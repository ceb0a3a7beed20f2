"""The topics, read once in a while: they change a few times a year and are needed by every submission."""

import time
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from services.intake.models import Topic
from shared.kit.db import Database

REMEMBER_SECONDS = 5.0
"""A changed topic takes effect everywhere within this time."""


@dataclass(frozen=True, slots=True)
class TopicEntry:
    """A topic as submissions and pages need it."""

    id: UUID
    slug: str
    name: str
    description: str
    is_active: bool
    legacy_id: int | None


class Topics:
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

    async def find(self, slug_or_id: str) -> TopicEntry | None:
        """The active topic of that slug or id."""
        await self._refresh()
        entry = self._by_name.get(slug_or_id.lower())
        return entry if entry and entry.is_active else None

    async def find_legacy(self, legacy_id: int) -> TopicEntry | None:
        """The active topic that clients of the help desk before this one know by that number."""
        await self._refresh()
        return next((entry for entry in self._entries if entry.is_active and entry.legacy_id == legacy_id), None)

    async def slug_of(self, topic_id: UUID | None) -> str | None:
        """The slug of a topic, active or not."""
        if topic_id is None:
            return None
        await self._refresh()
        entry = self._by_name.get(str(topic_id))
        return entry.slug if entry else None

    async def _refresh(self) -> None:
        if time.monotonic() < self._fresh_until:
            return
        async with self._database.begin() as session:
            topics = (await session.scalars(select(Topic).order_by(Topic.position, Topic.slug))).all()
        self._entries = [TopicEntry(t.id, t.slug, t.name, t.description, t.is_active, t.legacy_id) for t in topics]
        self._by_name = {name: entry for entry in self._entries for name in (entry.slug, str(entry.id))}
        self._fresh_until = time.monotonic() + REMEMBER_SECONDS
