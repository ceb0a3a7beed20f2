"""Fuzzy matches for a search without results, by trigram similarity on tickets' own fields."""

from collections.abc import Sequence
from typing import Final

from services.assignment.queries.ticket_lists.index_scans import Listed, Order, Place, statement
from services.assignment.queries.ticket_lists.reading import by_index
from services.assignment.queries.ticket_lists.terms import SoughtTerm, sought
from services.assignment.schemas.search_language import Kind, Term
from shared.kit.db import Session

LIKENESS: Final = "0.42"
"""Minimum word similarity from 0 to 1: about one letter wrong, missing or swapped in a word of six."""
LEAST: Final = 4
COMPARED: Final = 500
"""Maximum number of candidates for the longest word that are sorted."""


async def find_similar(
    session: Session, order: Order, listed: Listed, terms: Sequence[Term], limit: int
) -> list[Place]:
    """Tickets whose number, subject or requester contain words similar to those searched, in list order.

    None of the words that the search excludes.
    """
    required = [term for term in terms if not term.is_excluded]
    words = [term.text for term in required if term.kind is Kind.WORD and is_mistakable(term.text)]
    if not words or len(words) < len(required):
        return []
    setting = "select set_config('pg_trgm.word_similarity_threshold', :likeness, true)"
    await session.execute(statement(setting), {"likeness": LIKENESS})
    alike = [_alike(place, word) for place, word in enumerate(sorted(words, key=len, reverse=True))]
    excluded = sought([term for term in terms if term.is_excluded])
    values = listed.values | order.values | {"most": limit}
    for one in (*alike, *excluded):
        values |= one.values
    sql = by_index(order, listed, (*alike, *excluded), alike[0])
    rows = await session.execute(statement(sql), {name: one for name, one in values.items() if f":{name}" in sql})
    return [(row[0], row[1]) for row in rows]


def is_mistakable(word: str) -> bool:
    """Whether fuzzy matching makes sense for a word: not for numbers, addresses and very short words."""
    return word.isalpha() and len(word) >= LEAST


def _alike(place: int, word: str) -> SoughtTerm:
    is_alike = f"s.words %> cast(:w{place} as text)"
    return SoughtTerm(
        f"exists (select from ticket_words as s where s.ticket_id = tickets.id and {is_alike} offset 0)",
        f"(select ticket_id from ticket_words as s where {is_alike} limit {COMPARED})",
        {f"w{place}": word},
        is_excluded=False,
    )
