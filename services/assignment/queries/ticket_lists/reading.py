"""Reads one page of a list: straight from the indexes where they hold it in order, else within a bound.

Nobody knows beforehand how many tickets fulfil a filter or bear a word. What many do is met among the next tickets of
the list; what few do is found by an index and put in order. Those in between are in neither way cheap: there the page
ends early and says where to go on. So no page costs more because there are more tickets.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import TextClause

from services.assignment.queries.ticket_lists.index_scans import (
    NARROWABLE,
    Listed,
    Order,
    Place,
    merged,
    statement,
    union_of,
    unseen,
)
from services.assignment.queries.ticket_lists.terms import SoughtTerm
from shared.kit.db import Session

LOOKED_AT: Final = 1_000
"""Tickets of a list that are compared with filters one by one."""
GLANCED_AT: Final = 100
"""So many of them first: most filters are fulfilled by every second or third ticket."""
STRIDES: Final = (50, 150, 400)
"""And so many after them, where as many are likely to complete the page; else all that are left."""
MARGIN: Final = 1.5
"""How many more are looked at than are needed if the filter is fulfilled as often as before."""
SEARCHED: Final = 400
"""Tickets of a list whose messages are searched one by one before the page ends early."""
TAKEN_FROM_INDEX: Final = 4_000
"""Largest expected number of index matches that are read and sorted."""
UNKNOWN: Final = 0.01
"""Expected share of all messages up to which the planner is doubted, and matches are counted as far as need be.

Of a word that it does not know it expects a half per cent, which is thousands of a million.
"""
MESSAGES: Final = "select greatest(reltuples, 1) from pg_class where oid = cast('messages' as regclass)"
CHEAP: Final = 12_000.0
"""Planner cost up to which a plan is run without further bounds; about 20 ms.

It is the cost of all matches: that of the first few counts on their being spread evenly, which was just disproved.
"""


@dataclass(frozen=True, slots=True)
class FoundPlaces:
    """Matching tickets in order with their sort keys, and the position up to which the list was examined."""

    places: Sequence[Place]
    looked_to: Place | None = None

    def page(self, limit: int) -> Sequence[Place]:
        """The tickets of the page."""
        return self.places[:limit]

    def last(self, limit: int) -> Place | None:
        """The keyset position after which the next page begins; None if there is none."""
        return self.places[limit - 1] if len(self.places) > limit else self.looked_to


async def read_page(
    session: Session, order: Order, listed: Listed, terms: Sequence[SoughtTerm], limit: int
) -> FoundPlaces:
    """The page, and one more to tell whether there is a next; it may hold fewer than asked for and still have one."""
    values = listed.values | order.values | {"most": limit + 1}
    straight = merged(listed.scans, order, (*listed.visible, *listed.narrowed), ":most")
    if not terms and is_in_order(order, listed):
        return FoundPlaces(await _places(session, straight, values))
    for term in terms:
        values |= term.values
    required = [term for term in terms if not term.is_excluded]
    rarest = await _rarest(session, required, values) if required else None
    if rarest is not None:
        few = [term for term in terms if term is not rarest and await _is_few(session, term, values)]
        return FoundPlaces(await _places(session, by_index(order, listed, terms, rarest, few), values))
    near = await _near(session, order, listed, terms, limit, values)
    if len(near.places) > limit or near.looked_to is None:
        return near
    whole = merged(listed.scans, order, (*listed.visible, *listed.narrowed), "all")
    if not terms and await _cost(session, whole, values) <= CHEAP:
        return FoundPlaces(await _places(session, straight, values))
    return near


def is_in_order(order: Order, listed: Listed) -> bool:
    """Whether the indexes hold all of the list in its order: what it is narrowed to is a part of that order."""
    is_narrowed_by_it = order.column in ("next_due_at", "priority_rank")
    begins = f"tickets.{order.column} "
    return all(is_narrowed_by_it and one.startswith(begins) and " and " not in one for one in listed.narrowed)


async def _places(session: Session, sql: str, values: dict[str, Any]) -> list[Place]:
    rows = await session.execute(statement(sql), _used(sql, values))
    return [(row[0], row[1]) for row in rows]


async def _near(
    session: Session, order: Order, listed: Listed, terms: Sequence[SoughtTerm], limit: int, values: dict[str, Any]
) -> FoundPlaces:
    """Matches among the next tickets of the list, a few at first, and where those end if the list goes on."""
    left = SEARCHED if terms else LOOKED_AT
    window = left if terms or limit >= GLANCED_AT else GLANCED_AT
    near, looked_at = FoundPlaces(()), 0
    while True:
        missing = limit + 1 - len(near.places)
        found = await _among(session, order, listed, terms, window, values | order.values | {"most": missing})
        known = {ticket_id for ticket_id, _ in near.places}
        near = FoundPlaces((*near.places, *(one for one in found.places if one[0] not in known)), found.looked_to)
        left, looked_at, missing = left - window, looked_at + window, limit + 1 - len(near.places)
        if missing <= 0 or near.looked_to is None or left == 0:
            return near
        order = replace(order, after=near.looked_to)
        window = _stride(looked_at / len(near.places) * missing, left) if near.places else left


def _stride(expected: float, left: int) -> int:
    """How many tickets are looked at next where so many are expected to do; of few sizes, so that plans are reused."""
    return next((one for one in STRIDES if one >= expected * MARGIN and one < left), left)


async def _among(
    session: Session,
    order: Order,
    listed: Listed,
    terms: Sequence[SoughtTerm],
    window: int,
    values: dict[str, Any],
) -> FoundPlaces:
    """Matches among the next `window` tickets of the list, and the last of those if there are as many."""
    carried = union_of(listed.scans, order, listed.visible, unseen(window), NARROWABLE)
    conditions = " and ".join((*listed.narrowed, *(term.condition for term in terms)))
    sql = f"""
    select id, place, ({conditions}) as is_match, nth = {window} as is_last from (
      select first.*, row_number() over (order by {order.by}) as nth
      from (select * from ({carried}) as found order by {order.by} limit {window}) as first) as tickets
    where ({conditions}) or nth = {window} order by {order.by} limit :most"""
    rows = (await session.execute(statement(sql), _used(sql, values))).all()
    places = [(row.id, row.place) for row in rows if row.is_match]
    return FoundPlaces(places, (rows[-1].id, rows[-1].place) if rows and rows[-1].is_last else None)


async def _rarest(session: Session, terms: Sequence[SoughtTerm], values: dict[str, Any]) -> SoughtTerm | None:
    """The term with the fewest expected matches, if that is at most TAKEN_FROM_INDEX, or else one with as few."""
    expected = sorted([(await _expected(session, term.bearers, values), place) for place, term in enumerate(terms)])
    if expected[0][0] <= TAKEN_FROM_INDEX:
        return terms[expected[0][1]]
    messages: float = (await session.execute(statement(MESSAGES))).scalar_one()
    for many, place in expected:
        if many > UNKNOWN * messages:
            break
        if await _is_taken(session, terms[place], values):
            return terms[place]
    return None


async def _is_taken(session: Session, term: SoughtTerm, values: dict[str, Any]) -> bool:
    """Whether a term has at most TAKEN_FROM_INDEX matches, as they are counted."""
    sql = f"select count(*) from (select from ({term.bearers}) as every limit {TAKEN_FROM_INDEX + 1}) as some_of_them"
    found: int = (await session.execute(statement(sql), _used(sql, values))).scalar_one()
    return found <= TAKEN_FROM_INDEX


async def _is_few(session: Session, term: SoughtTerm, values: dict[str, Any]) -> bool:
    """Whether all matches of a term may be read, because they are expected to be few."""
    return await _expected(session, term.bearers, values) <= TAKEN_FROM_INDEX


def by_index(
    order: Order,
    listed: Listed,
    terms: Sequence[SoughtTerm],
    rarest: SoughtTerm,
    few: Sequence[SoughtTerm] = (),
) -> str:
    """SQL for the matches of the rarest term, filtered by the other conditions and sorted.

    Of terms that are `few`, too, all matches are read once, instead of looking into each ticket.
    """
    scopes = " or ".join(f"({' and '.join(_alone(scan.conditions, scan.each))})" for scan in listed.scans) or "false"
    others = [term.membership if term in few else term.condition for term in terms if term is not rarest]
    place = f"tickets.{order.column} as place"
    conditions = [f"({scopes})", *listed.visible, *listed.narrowed, *others]
    if order.after is not None:
        sign = "<" if order.is_descending else ">"
        conditions.append(f"(tickets.{order.column}, tickets.id) {sign} (:after_place, :after_id)")
    return f"""
    with bearers as materialized (select distinct ticket_id from ({rarest.bearers}) as every)
    select tickets.id, {place} from bearers join tickets on tickets.id = bearers.ticket_id
    where {" and ".join(conditions)} order by {order.by} limit :most"""


def _alone(conditions: Sequence[str], each: Sequence[str]) -> list[str]:
    """A scan's conditions for a single ticket."""
    of_each = {
        "team": "tickets.team_id = any(cast(:teams as uuid[]))",
        "done": "tickets.status = any(cast(:done as text[]))",
        "rank": "tickets.priority_rank = any(cast(:ranks as integer[]))",
    }
    return [*conditions, *(of_each[one] for one in each)]


async def _expected(session: Session, sql: str, values: dict[str, Any]) -> float:
    """The planner's row estimate."""
    return float((await _plan(session, sql, values))["Plan Rows"])


async def _cost(session: Session, sql: str, values: dict[str, Any]) -> float:
    return float((await _plan(session, sql, values))["Total Cost"])


async def _plan(session: Session, sql: str, values: dict[str, Any]) -> dict[str, Any]:
    plans: Any = (await session.execute(_explain(sql), _used(sql, values))).scalar_one()
    plan: dict[str, Any] = plans[0]["Plan"]
    return plan


def _explain(sql: str) -> TextClause:
    return statement(f"explain (format json) {sql}")


def _used(sql: str, values: dict[str, Any]) -> dict[str, Any]:
    """The parameters that occur in the statement."""
    return {name: value for name, value in values.items() if f":{name}" in sql}


def backwards(order: Order) -> Order:
    """The reversed order."""
    return replace(order, is_descending=not order.is_descending)
