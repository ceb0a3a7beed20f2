"""Topics are made, replaced, put in order, switched off and on; every change is announced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from services.intake.errors import already_taken, changed_since, too_many_topics
from services.intake.forms import Audience, Form
from services.intake.models import Topic
from shared.contracts.events import TopicChanged, TopicField
from shared.contracts.tickets import TopicId
from shared.contracts.vocabulary import Priority
from shared.kit import outbox
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.paging import decode_cursor, encode_cursor
from shared.kit.http.problems import invalid, not_found

MAX_TOPICS = 200
FIRST_VERSION = 1
TAKEN: Mapping[str, tuple[str, str]] = {
    "uq_topics_slug": ("/slug", "another topic has this slug"),
    "uq_topics_legacy_id": ("/legacy_id", "another topic has this number"),
}
"""What a clash means, by the constraint that found it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicContent:
    """What an administrator says about a topic."""

    slug: str
    name: str
    description: str = ""
    is_public: bool = True
    priority: Priority | None = None
    form: Form = Form()
    thanks: str = ""
    legacy_id: int | None = None


async def create_topic(session: Session, content: TopicContent) -> Topic:
    """Adds a topic at the end of the list. Raises Problem 409."""
    count, last = (await session.execute(select(func.count(), func.max(Topic.position)).select_from(Topic))).one()
    if count >= MAX_TOPICS:
        raise too_many_topics(MAX_TOPICS)
    topic = topic_of(content, new_id(), 0 if last is None else last + 1)
    session.add(topic)
    await _changed(session, topic)
    return topic


def topic_of(content: TopicContent, topic_id: UUID, position: int) -> Topic:
    """A topic that nobody has heard of yet: its first version is announced when it is stored."""
    topic = Topic(id=topic_id, is_active=True, position=position, former_fields=[], version=FIRST_VERSION - 1)
    _fill(topic, content)
    return topic


async def replace_topic(session: Session, name: str, content: TopicContent, expected_version: int | None) -> Topic:
    """Says everything about a topic anew; fields that go are remembered. Raises Problem 404, 409 and 412."""
    topic = await get_topic(session, name, for_update=True)
    if expected_version is not None and expected_version != topic.version:
        raise changed_since(topic.version)
    former = content.form.former_after(Form.parse(topic.form), Form.parse_former(topic.former_fields))
    topic.former_fields = former.as_json()
    _fill(topic, content)
    await _changed(session, topic)
    return topic


async def switch_topic(session: Session, name: str, *, is_active: bool) -> Topic:
    """Takes a topic out of the list or back into it. Raises Problem 404."""
    topic = await get_topic(session, name, for_update=True)
    if topic.is_active != is_active:
        topic.is_active = is_active
        await _changed(session, topic)
    return topic


async def order_topics(session: Session, names: Sequence[str]) -> list[Topic]:
    """Puts the named topics first, in this order; the others follow in theirs. Raises Problem 422."""
    topics = await list_topics(session, for_update=True)
    by_name = {name: topic for topic in topics for name in (topic.slug, str(topic.id))}
    first: list[Topic] = []
    for position, name in enumerate(names):
        topic = by_name.get(name.lower())
        if topic is None or topic in first:
            raise invalid(f"/topics/{position}", "there is no such topic" if topic is None else "is there twice")
        first.append(topic)
    ordered = first + [topic for topic in topics if topic not in first]
    for position, topic in enumerate(ordered):
        if topic.position != position:
            topic.position = position
            await _changed(session, topic)
    return ordered


async def get_topic(session: Session, name: str, *, for_update: bool = False) -> Topic:
    """The topic of that slug or id, active or not. Raises Problem 404."""
    query = select(Topic).where(Topic.id == key if (key := _id_in(name)) else Topic.slug == name)
    topic = await session.scalar(query.with_for_update() if for_update else query)
    if topic is None:
        raise not_found("topic")
    return topic


async def page_of_topics(session: Session, limit: int, cursor: str | None) -> tuple[list[Topic], str | None]:
    """One page of all topics in their order, and where the next begins. Raises Problem 422."""
    place = decode_cursor(cursor, int, str)
    found = [topic for topic in await list_topics(session) if place is None or (topic.position, topic.slug) > place]
    page = found[:limit]
    return page, encode_cursor(page[-1].position, page[-1].slug) if len(found) > len(page) else None


async def list_topics(session: Session, *, for_update: bool = False) -> list[Topic]:
    """All topics, active or not, in their order."""
    query = select(Topic).order_by(Topic.position, Topic.slug)
    return list(await session.scalars(query.with_for_update() if for_update else query))


def topic_changed(topic: Topic) -> TopicChanged:
    """What the other services learn of a topic."""
    fields = Form.parse(topic.form).fields
    return TopicChanged(
        topic_id=TopicId(topic.id),
        slug=topic.slug,
        name=topic.name,
        is_active=topic.is_active,
        fields=tuple(
            TopicField(name=f.name, label=f.label, kind=f.kind, for_agents=f.visible_to is Audience.AGENTS)
            for f in fields
        ),
        version=topic.version,
    )


async def announce_topic(session: Session, topic: Topic) -> None:
    """Announces a topic as it now is, once per version."""
    await outbox.add(session, topic_changed(topic), f"topic-{topic.id}:{topic.version}", utc_now())


def _fill(topic: Topic, content: TopicContent) -> None:
    topic.slug, topic.name, topic.description = content.slug, content.name, content.description
    topic.is_public, topic.priority, topic.form = content.is_public, content.priority, content.form.as_json()
    topic.thanks, topic.legacy_id = content.thanks, content.legacy_id


async def _changed(session: Session, topic: Topic) -> None:
    """The next version of a topic, announced; none if nothing differs from what is stored."""
    if not session.is_modified(topic):
        return
    topic.version += 1
    try:
        await session.flush()
    except IntegrityError as error:
        for constraint, (pointer, detail) in TAKEN.items():
            if constraint in str(error.orig):
                raise already_taken(pointer, detail) from error
        raise
    await announce_topic(session, topic)


def _id_in(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
