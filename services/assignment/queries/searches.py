"""Searching a list for words and tags, at a price that the past does not raise.

Nobody knows beforehand whether a word is frequent. Frequent ones are met among the next tickets of the list, rare ones
are found by an index. Those in between are in neither way cheap: there the page ends early and says where to go on.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ClauseElement, Executable, Select, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from services.assignment.models import Ticket, TicketWords
from services.assignment.queries.indexed_ranges import Listed, Order, Place, any_of, merged
from shared.kit.db import Session

LOOKED_AT = 500
"""Tickets of a list that are looked at one by one: a page of what every twentieth bears is among them."""
TAKEN_FROM_INDEX = 2000
"""What an index is expected to find is read and put in order only up to so many."""
LETTERS = 3
_LETTERS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """Tickets in order, each with what it is sorted by; and how far a search looked, if there is more to look at."""

    places: Sequence[Place]
    looked_to: Place | None = None

    def page(self, limit: int) -> Sequence[Place]:
        """Those of the page."""
        return self.places[:limit]

    def last(self, limit: int) -> Place | None:
        """After which place the next page begins; None if there is none."""
        return self.places[limit - 1] if len(self.places) > limit else self.looked_to


class _Explained(Executable, ClauseElement):
    """What the planner expects of a statement; it is not run."""

    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(_Explained)
def _explain(element: _Explained, compiler: SQLCompiler, **options: Any) -> str:
    return f"explain (format json) {compiler.process(element.statement, **options)}"


async def search(session: Session, order: Order, listed: Listed, limit: int) -> SearchLimits:
    """The page, and one more to tell whether there is a next; it may hold fewer than asked for and still have one."""
    window = merged(order, listed.parts, listed.narrowed, LOOKED_AT, (Ticket.id, Ticket.tags))
    near = select(window.c.id, window.c.place)
    if listed.tag:
        near = near.where(window.c.tags.contains([listed.tag]))
    if listed.words:
        borne = _with_words(listed.words).where(TicketWords.ticket_id == window.c.id)
        near = near.join(borne.offset(0).lateral(), true())
    places = (await session.execute(near.order_by(*order.by(window)).limit(limit + 1))).tuples().all()
    if len(places) > limit:
        return SearchLimits(places)
    end = select(window.c.id, window.c.place).order_by(*order.by(window)).offset(LOOKED_AT - 1)
    looked_to = (await session.execute(end)).tuples().first()
    rare = looked_to and await _rare(session, listed)
    if not rare:
        return SearchLimits(places, looked_to)
    return SearchLimits((await session.execute(_by_index(order, rare, listed, limit + 1))).tuples().all())


def _with_words(words: str) -> Select[Any]:
    return select(TicketWords.ticket_id).where(TicketWords.words.icontains(words, autoescape=True))


async def _rare(session: Session, listed: Listed) -> list[Select[Any]]:
    """What an index finds of the tickets, where that is little: those with the words, those with the tag."""
    sought: list[Select[Any]] = []
    if is_indexed(listed.words):
        sought.append(_with_words(listed.words))
    if listed.tag:
        sought.append(select(Ticket.id).where(Ticket.tags.contains([listed.tag])))
    return [one for one in sought if await _expected(session, one) <= TAKEN_FROM_INDEX]


async def _expected(session: Session, query: Select[Any]) -> int:
    """How many rows the planner expects, from what it last counted."""
    plan: Any = (await session.execute(_Explained(query))).scalar_one()
    return int(plan[0]["Plan"]["Plan Rows"])


def _by_index(order: Order, rare: Sequence[Select[Any]], listed: Listed, most: int) -> Select[Any]:
    """What the indexes of words and tags find, which is little, put in order."""
    found = [Ticket.id.in_(select(one.cte().prefix_with("materialized").c[0])) for one in rare]
    conditions = [*found, any_of([(*part,) for part in listed.parts]), *listed.narrowed]
    if listed.tag:
        conditions.append(Ticket.tags.contains([listed.tag]))
    if listed.words:
        conditions.append(_with_words(listed.words).where(TicketWords.ticket_id == Ticket.id).offset(0).exists())
    return order.walk(conditions, most)


def is_indexed(words: str) -> bool:
    """Whether the index of words, which knows them by three letters in a row, can find these."""
    return any(len(run) >= LETTERS for run in _LETTERS.findall(words))
