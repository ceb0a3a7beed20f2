"""SQL of search terms over a ticket's fields, messages, notes and tags.

Each term has two forms: a condition on one ticket, and a query for all matching tickets. Messages and notes use
PostgreSQL full-text search (words, phrases, prefixes); the ticket's own fields use a trigram index, and word prefixes
for terms of one or two letters.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.assignment.queries.ticket_lists.conditions import like
from services.assignment.schemas.search_language import Kind, Term

LETTERS: Final = 3
_LETTERS = re.compile(r"[^\W_]+")
MADE: Final = {
    Kind.WORD: "plainto_tsquery('simple', cast({0} as text))",
    Kind.PHRASE: "phraseto_tsquery('simple', cast({0} as text))",
    Kind.PREFIX: "to_tsquery('simple', cast({0} as text))",
}


@dataclass(frozen=True, slots=True)
class SoughtTerm:
    """A search term as SQL with its parameters."""

    borne: str
    """The condition that the ticket at hand bears it."""
    bearers: str
    """The ids of all tickets that bear it."""
    values: dict[str, Any]
    is_excluded: bool

    @property
    def condition(self) -> str:
        """The SQL condition for a given ticket."""
        return f"not ({self.borne})" if self.is_excluded else f"({self.borne})"

    @property
    def membership(self) -> str:
        """The same condition over all tickets that bear it: where these are few, cheaper for many tickets at hand."""
        return f"tickets.id {'not in' if self.is_excluded else 'in'} ({self.bearers})"


def sought(terms: Sequence[Term]) -> list[SoughtTerm]:
    """Builds the terms of a search."""
    return [_sought(place, term) for place, term in enumerate(terms)]


def _sought(place: int, term: Term) -> SoughtTerm:
    name = f"t{place}"
    query = MADE[term.kind].format(f":{name}_query")
    values: dict[str, Any] = {f"{name}_query": _prefixed(term.text) if term.kind is Kind.PREFIX else term.text}
    if term.kind is not Kind.PREFIX and is_indexed(term.text):
        of_ticket, values[f"{name}_part"] = f"words ilike :{name}_part", like(term.text)
    elif term.kind is Kind.WORD and not is_compound(term.text):
        of_ticket = f"search @@ {MADE[Kind.PREFIX].format(f':{name}_begun')}"
        values[f"{name}_begun"] = _prefixed(term.text)
    else:
        of_ticket = f"search @@ {query}"
    tables = {"ticket_words": of_ticket, "messages": f"search @@ {query}", "notes": f"search @@ {query}"}
    borne = [
        f"exists (select from {table} as s where s.ticket_id = tickets.id and s.{condition} offset 0)"
        for table, condition in tables.items()
    ]
    bearers = [f"select ticket_id from {table} as s where s.{condition}" for table, condition in tables.items()]
    if term.kind is Kind.WORD:
        values[f"{name}_tags"] = [term.text.lower()]
        tagged = f"tags @> cast(:{name}_tags as varchar[])"
        borne.append(f"tickets.{tagged}")
        bearers.append(f"select id from tickets as s where s.{tagged}")
    return SoughtTerm(" or ".join(borne), " union all ".join(bearers), values, term.is_excluded)


def _prefixed(text: str) -> str:
    """A tsquery in which the last word is a prefix."""
    words = [word.replace("'", "''").replace("\\", "\\\\") for word in text.split()]
    return " & ".join([*(f"'{word}'" for word in words[:-1]), f"'{words[-1]}':*"])


def is_compound(word: str) -> bool:
    """Whether full-text search takes a word for several, as it does with `G-77`.

    It is then looked for as it is: as a prefix, each of its parts would stand for all words that begin with it.
    """
    return len(_LETTERS.findall(word)) > 1


def is_indexed(words: str) -> bool:
    """Whether the trigram index can find the words: at least one run of three letters."""
    return any(len(run) >= LETTERS for run in _LETTERS.findall(words))
