"""The topic of an old client's ticket: by its old number, else the default one, as the old help desk chose it."""

from dataclasses import dataclass

from services.intake.osticket.lines import as_named, shortened
from services.intake.osticket.request_model import OldRequest
from services.intake.osticket.ticket import is_number
from services.intake.topic_cache import TopicCache, TopicEntry

NO_TOPIC = ("", "0")


@dataclass(frozen=True, slots=True)
class ChosenTopic:
    """The topic, and a remark for the ticket where it is not the one that was named."""

    topic: TopicEntry | None = None
    remarks: tuple[str, ...] = ()
    is_named: bool = False
    """Whether the client asked for it, and so knows its form."""


async def choose_topic(topics: TopicCache, sent: OldRequest, default_slug: str) -> ChosenTopic:
    """The topic a client names by number.

    An unknown, inactive or malformed number gives the default topic and never fails the call: osTicket did so. Without
    a default topic the ticket has none, and the routing rules' fallback team gets it.
    """
    text = topic_named(sent)
    if text in NO_TOPIC:
        return ChosenTopic(await _default(topics, default_slug))
    named = await topics.find_legacy(int(text)) if is_number(text) else None
    if named is not None:
        return ChosenTopic(named, is_named=True)
    return ChosenTopic(
        await _default(topics, default_slug), (f"Topic {shortened(text)} is not known here; the default was taken.",)
    )


def topic_named(sent: OldRequest) -> str:
    """What the client wrote for the topic, in one line."""
    return as_named(sent.values.get("topicId"))


async def _default(topics: TopicCache, slug: str) -> TopicEntry | None:
    return await topics.find(slug) if slug else None
