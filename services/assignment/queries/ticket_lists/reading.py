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
)
from services.assignment.queries.ticket_lists.terms import SoughtTerm
from shared.kit.db import Session

LOOKED_AT: Final = 1_000
"""Tickets of a list that are compared with filters one by one."""
GLANCED_AT: Final = 100
"""So many of them first: most filters are fulfilled by every second or third ticket."""
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
    window = SEARCHED if terms else LOOKED_AT
    for near in (window,) if terms or limit >= GLANCED_AT else (GLANCED_AT, window):
        places = await _near(session, order, listed, terms, near, values)
        if len(places) > limit:
            return FoundPlaces(places)
    whole = merged(listed.scans, order, (*listed.visible, *listed.narrowed), "all")
    if not terms and await _cost(session, whole, values) <= CHEAP:
        return FoundPlaces(await _places(session, straight, values))
    return FoundPlaces(places, await _end_of_near(session, order, listed, window, values))


def is_in_order(order: Order, listed: Listed) -> bool:
    """Whether the indexes hold all of the list in its order: what it is narrowed to is a part of that order."""
    is_narrowed_by_it = order.column in ("next_due_at", "priority_rank")
    begins = f"tickets.{order.column} "
    return all(is_narrowed_by_it and one.startswith(begins) and " and " not in one for one in listed.narrowed)


async def _places(session: Session, sql: str, values: dict[str, Any]) -> list[Place]:
    rows = await session.execute(statement(sql), _used(sql, values))
    return [(row[0], row[1]) for row in rows]


async def _near(
    session: Session,
    order: Order,
    listed: Listed,
    terms: Sequence[SoughtTerm],
    window: int,
    values: dict[str, Any],
) -> list[Place]:
    """Matches among the next `window` tickets of the list."""
    carried = union_of(listed.scans, order, listed.visible, str(window), NARROWABLE)
    conditions = " and ".join((*listed.narrowed, *(term.condition for term in terms)))
    sql = f"""
    select id, place from (select * from ({carried}) as found order by {order.by} limit {window}) as tickets
    where {conditions} order by {order.by} limit :most"""
    return await _places(session, sql, values)


async def _end_of_near(
    session: Session, order: Order, listed: Listed, window: int, values: dict[str, Any]
) -> Place | None:
    """The last ticket among the next `window`; None if the list has fewer."""
    end = f"{merged(listed.scans, order, listed.visible, str(window))} offset {window - 1}"
    last = await _places(session, end, values)
    return last[0] if last else None


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
