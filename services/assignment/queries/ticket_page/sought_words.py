"""The words of a subject by which full text looks for the same problem, with their stems in the product's languages."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from services.assignment.queries.ticket_lists.index_scans import statement
from shared.kit.db import Session

LETTERS: Final = 4
MOST_WORDS: Final = 8
LEAST_STEM: Final = 5
"""Letters of a stem by which texts are looked through for longer words: shorter ones begin too many others."""
_WORD = re.compile(rf"[^\W_]{{{LETTERS},}}")
STEMS: Final = """
select word, ts_lexize('english_stem', word) as english, ts_lexize('german_stem', word) as german
from unnest(cast(:words as text[])) with ordinality as given (word, place) order by place"""


@dataclass(frozen=True, slots=True)
class SoughtWord:
    """A word that says what a ticket is about."""

    text: str
    english: str
    german: str

    @property
    def query(self) -> str:
        """A tsquery for texts without stems: the word itself, or words that begin as its shortest usable stem does."""
        least = max(LETTERS, min(LEAST_STEM, len(self.text) - 1))
        usable = [stem for stem in (self.english, self.german) if len(stem) >= least and self.text.startswith(stem)]
        return " | ".join([f"'{self.text}'", *(f"'{stem}':*" for stem in sorted(usable, key=len)[:1])])


def words_of(subject: str) -> list[str]:
    """The longer words of a subject; none where there is only one, which says too little."""
    words = list(dict.fromkeys(_WORD.findall(subject.lower())))[:MOST_WORDS]
    return words if len(words) > 1 else []


async def sought_words(session: Session, subjects: Sequence[str]) -> list[list[SoughtWord]]:
    """The telling words of each subject: the longer ones, without those that say nothing in one of the languages."""
    each = [words_of(subject) for subject in subjects]
    known = await _stemmed(session, dict.fromkeys(word for words in each for word in words))
    return [[known[word] for word in words if word in known] for words in each]


async def _stemmed(session: Session, words: Iterable[str]) -> dict[str, SoughtWord]:
    """The words with their stems; of one like "down" or "nicht" PostgreSQL's dictionaries leave nothing."""
    rows = await session.execute(statement(STEMS), {"words": list(words)})
    return {row.word: SoughtWord(row.word, row.english[0], row.german[0]) for row in rows if row.english and row.german}
