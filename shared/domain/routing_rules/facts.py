"""The facts of a new ticket that rules test. Text is split into words lazily, at most once."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from html import unescape

from pydantic import JsonValue

from shared.contracts.vocabulary import Channel, Priority
from shared.domain.routing_rules.language import language_of

READ_AT_MOST = 20_000
"""Characters of a body that are searched for words and used for language detection."""
LANGUAGE_FROM = 2_000
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
"""Scripts that write no spaces between words."""


def folded(text: str) -> str:
    """Text normalised for comparison: NFKC and case folding."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


class Phrase:
    """One or more consecutive words, prepared for search."""

    __slots__ = ("is_unspaced", "spaced", "words")

    def __init__(self, text: str) -> None:
        self.words = tuple(_WORD.findall(folded(text)))
        self.spaced = " ".join(self.words)
        self.is_unspaced = bool(_UNSPACED.search(self.spaced))


class Words:
    """The words of a text in folded case. Single words are looked up in a set; phrases scan the text once."""

    def __init__(self, text: str) -> None:
        self.in_order = _WORD.findall(folded(text))
        self._known = frozenset(self.in_order)

    def have(self, phrase: Phrase) -> bool:
        """Whether the phrase occurs on word boundaries.

        In scripts without spaces between words it is searched for as a substring.
        """
        if phrase.is_unspaced:
            return phrase.spaced in self._spaced
        if not all(word in self._known for word in phrase.words):
            return False
        return len(phrase.words) == 1 or f" {phrase.spaced} " in self._spaced

    @cached_property
    def _spaced(self) -> str:
        return f" {' '.join(self.in_order)} "


@dataclass(frozen=True)
class TicketFacts:
    """A new ticket as rules see it: as submitted, without the effects of other rules."""

    received_at: datetime
    topic: str | None = None
    """The topic's slug."""
    channel: Channel = Channel.API
    priority: Priority = Priority.NORMAL
    is_priority_given: bool = False
    """Whether somebody asked for this priority."""
    requester: str = ""
    """The requester's address, its domain in ASCII."""
    subject: str = ""
    body: str = ""
    """As plain text."""
    fields: Mapping[str, JsonValue] = field(default_factory=dict)

    @cached_property
    def address(self) -> str:
        """The requester's address in lower case."""
        return self.requester.strip().lower()

    @cached_property
    def domain(self) -> str:
        """The domain of the requester's address."""
        return self.address.rpartition("@")[2] if "@" in self.address else ""

    @cached_property
    def subject_words(self) -> Words:
        """Words of the subject."""
        return Words(self.subject)

    @cached_property
    def body_words(self) -> Words:
        """Words of the body, up to READ_AT_MOST characters."""
        return Words(self.body[:READ_AT_MOST])

    @cached_property
    def language(self) -> str | None:
        """ISO 639-1 code of the language of subject and body; None if unknown."""
        start = f"{self.subject}\n{self.body[:LANGUAGE_FROM]}"
        return language_of(start, Words(start).in_order)


_TAG = re.compile(r"<[^<>]*>")
_UNSHOWN = ("style", "script", "head")


def text_of_html(html: str) -> str:
    """The visible text of HTML, in time linear in its length, also for malformed HTML."""
    html = html[: 2 * READ_AT_MOST]
    lower = html.lower()
    if len(lower) == len(html):
        for name in _UNSHOWN:
            html, lower = _without(html, lower, f"<{name}", f"</{name}>")
    return unescape(_TAG.sub(" ", html))


def _without(html: str, lower: str, start: str, end: str) -> tuple[str, str]:
    kept: list[tuple[int, int]] = []
    at = 0
    while (begins := lower.find(start, at)) >= 0 and (ends := lower.find(end, begins)) >= 0:
        kept.append((at, begins))
        at = ends + len(end)
    kept.append((at, len(html)))
    return " ".join(html[a:b] for a, b in kept), " ".join(lower[a:b] for a, b in kept)
