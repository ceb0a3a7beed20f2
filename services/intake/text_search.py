"""Finding by words, pure: what has more of the words, and has them in more telling places, comes first."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

MAX_QUERY = 100
"""Characters of a query that are looked at."""
MAX_WORDS = 8
MAX_FOUND = 20
SHORTEST_STEM = 4
"""A word shorter than this is found as a whole only: its beginning says too little."""
TITLE, TEXT = 4, 1
WHOLE, STEM = 2, 1
_WORD = re.compile(r"\w+")

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class SearchableText(Generic[Item]):
    """Something to be found, with its words."""

    item: Item
    title: frozenset[str]
    text: frozenset[str]

    @classmethod
    def of(cls, item: Item, title: str, *texts: str) -> "SearchableText[Item]":
        """An item by what is written about it."""
        return cls(item, frozenset(words_in(title)), frozenset(words_in(" ".join(texts))))


def words_in(text: str) -> list[str]:
    """The words of a text, without case and accents."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return _WORD.findall("".join(letter for letter in plain if not unicodedata.combining(letter)))


def find(query: str, among: Iterable[SearchableText[Item]]) -> list[Item]:
    """What has any of the query's words, the best first; in their own order where they are equally good."""
    wanted = list(dict.fromkeys(words_in(query[:MAX_QUERY])))[:MAX_WORDS]
    rated = [(score(wanted, one), one.item) for one in among]
    found = [(rating, item) for rating, item in rated if rating > (0, 0)]
    return [item for _, item in sorted(found, key=lambda pair: pair[0], reverse=True)][:MAX_FOUND]


def score(wanted: Sequence[str], one: SearchableText[Item]) -> tuple[int, int]:
    """How many of the words something has, and how telling their places are."""
    ratings = [max(TITLE * _likeness(word, one.title), TEXT * _likeness(word, one.text)) for word in wanted]
    return sum(rating > 0 for rating in ratings), sum(ratings)


def _likeness(word: str, words: frozenset[str]) -> int:
    if word in words:
        return WHOLE
    return STEM if any(_is_stem(word, other) or _is_stem(other, word) for other in words) else 0


def _is_stem(stem: str, word: str) -> bool:
    return len(stem) >= SHORTEST_STEM and word.startswith(stem)
