"""What rules may ask of a new ticket, and the words of its text, read at most once."""

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
"""Characters of a body in which words are looked for, and of which the language is told."""
LANGUAGE_FROM = 2_000
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
"""Scripts that write no spaces between words."""


def folded(text: str) -> str:
    """The text without differences of case or of compatible characters."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


class Phrase:
    """A word or several in a row, ready to be looked for."""

    __slots__ = ("is_unspaced", "spaced", "words")

    def __init__(self, text: str) -> None:
        self.words = tuple(_WORD.findall(folded(text)))
        self.spaced = " ".join(self.words)
        self.is_unspaced = bool(_UNSPACED.search(self.spaced))


class Words:
    """The words of a text in folded case. Looking up costs the same for every text; phrases read it once."""

    def __init__(self, text: str) -> None:
        self.in_order = _WORD.findall(folded(text))
        self._known = frozenset(self.in_order)

    def have(self, phrase: Phrase) -> bool:
        """Whether the phrase stands in the text, from the start of a word to the end of one.

        Where the script writes no spaces, anywhere.
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
    """A new ticket as rules see it: what was submitted, never what another rule made of it."""

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
        """The subject's."""
        return Words(self.subject)

    @cached_property
    def body_words(self) -> Words:
        """The body's, up to a limit."""
        return Words(self.body[:READ_AT_MOST])

    @cached_property
    def language(self) -> str | None:
        """The code of the language of subject and body, None where it cannot be told."""
        start = f"{self.subject}\n{self.body[:LANGUAGE_FROM]}"
        return language_of(start, Words(start).in_order)


_TAG = re.compile(r"<[^<>]*>")
_UNSHOWN = ("style", "script", "head")


def text_of_html(html: str) -> str:
    """The words of HTML, as far as rules look. Costs no more than its length, however broken it is."""
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
