"""Lists of tickets: views, filters, searches and keyset pages, as far as the caller's permissions reach."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import InstrumentedAttribute

from services.assignment.models import Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.cursors import bad_cursor, instant_in, number_in, uuid_in
from services.assignment.queries.ticket_lists.counting import COUNTED, count_lists
from services.assignment.queries.ticket_lists.filters import resolve, search_text
from services.assignment.queries.ticket_lists.index_scans import Order, Place
from services.assignment.queries.ticket_lists.reading import backwards, read_page
from services.assignment.queries.ticket_lists.rows import read_rows
from services.assignment.queries.ticket_lists.scopes import WORKING
from services.assignment.queries.ticket_lists.similar import find_similar
from services.assignment.queries.ticket_lists.terms import sought
from services.assignment.queries.time_travel.past_lists import PastList, read_past_page
from services.assignment.queries.time_travel.past_rows import read_past_rows
from services.assignment.schemas.ticket_filters import Filters, QueueView, Sort
from services.assignment.schemas.tickets import TicketPage, TicketView
from shared.kit.db import Session
from shared.kit.http.paging import decode_cursor, encode_cursor

__all__ = (
    "COLUMNS",
    "COUNTED",
    "WORKING",
    "Filters",
    "QueueView",
    "Sort",
    "TimeSpan",
    "count_views",
    "list_ticket_ids",
    "list_tickets",
    "search_text",
)


COLUMNS: Final[dict[str, InstrumentedAttribute[Any]]] = {
    "updated_at": Ticket.updated_at,
    "created_at": Ticket.created_at,
    "due_at": Ticket.next_due_at,
    "priority": Ticket.priority_rank,
}
BACK: Final = "back to "
"""How the order begins in a cursor that leads to the page before."""


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """Which page, and as of when."""

    limit: int
    cursor: str | None
    now: datetime
    as_of: datetime | None = None
    """The instant of the past to show the list of, if not now."""


async def list_tickets(session: Session, caller: Caller, filters: Filters, sort: Sort, span: TimeSpan) -> TicketPage:
    """One page. Raises Problem 422 for a cursor that is not of this sort, and for a search that means nothing.

    A page that is searched or filtered may hold fewer than asked for, or nothing, and still have a next one. Where no
    ticket bears the words of a search, those whose own words are like them are listed instead.
    """
    if span.as_of is not None:
        return await _list_past_tickets(session, PastList(caller, filters, span.as_of), sort, span)
    order, is_back = order_of(sort, span.cursor)
    listed, terms = await resolve(session, caller, filters, span.now)
    found = await read_page(session, order, listed, sought(terms), span.limit)
    places, last = list(found.page(span.limit)), found.last(span.limit)
    is_similar = False
    if terms and not places and last is None and span.cursor is None:
        places = await find_similar(session, order, listed, terms, span.limit)
        is_similar = bool(places)
    items = await read_rows(session, caller, [ticket_id for ticket_id, _ in places], span.now)
    if is_back:
        items.reverse()
        places.reverse()
    return _page(items, places, last, sort, is_back=is_back, is_first=span.cursor is None, is_similar=is_similar)


async def _list_past_tickets(session: Session, asked: PastList, sort: Sort, span: TimeSpan) -> TicketPage:
    order, is_back = order_of(sort, span.cursor)
    found = await read_past_page(session, asked, order, span.limit)
    places, last = list(found.page(span.limit)), found.last(span.limit)
    items = await read_past_rows(session, asked.caller, [ticket_id for ticket_id, _ in places], asked.as_of)
    if is_back:
        items.reverse()
        places.reverse()
    return _page(items, places, last, sort, is_back=is_back, is_first=span.cursor is None, is_similar=False)


async def list_ticket_ids(
    session: Session, caller: Caller, filters: Filters, sort: Sort, span: TimeSpan
) -> tuple[Sequence[UUID], str | None]:
    """The ids of a page, without what they stand for, and the cursor of the next."""
    order, _ = order_of(sort, span.cursor)
    listed, terms = await resolve(session, caller, filters, span.now)
    found = await read_page(session, order, listed, sought(terms), span.limit)
    last = found.last(span.limit)
    return [one for one, _ in found.page(span.limit)], encode_position(sort, *last) if last else None


async def count_views(session: Session, caller: Caller, now: datetime) -> dict[QueueView, int]:
    """How many tickets each view holds, as far as `COUNTED`: one more than that stands for all above it."""
    counts = await count_lists(session, caller, [Filters(view) for view in QueueView], now)
    return dict(zip(QueueView, (count.known for count in counts), strict=True))


def order_of(sort: Sort, cursor: str | None) -> tuple[Order, bool]:
    """The order to read in, and whether that is backwards. Raises Problem 422."""
    order = Order(COLUMNS[sort.lstrip("-")].key, sort.startswith("-"))
    position = decode_cursor(cursor, str, str, str)
    if position is None:
        return order, False
    name, value, ticket_id = (str(part) for part in position)
    is_back = name.startswith(BACK)
    if name.removeprefix(BACK) != sort:
        raise bad_cursor()
    place = number_in(value) if sort.endswith("priority") else instant_in(value)
    after = replace(order, after=(uuid_in(ticket_id), place))
    return (backwards(after) if is_back else after), is_back


def encode_position(sort: Sort, ticket_id: UUID, value: datetime | int, *, is_back: bool = False) -> str:
    """The cursor that continues after a ticket, or before it."""
    order = f"{BACK}{sort.value}" if is_back else sort.value
    return encode_cursor(order, value.isoformat() if isinstance(value, datetime) else str(value), ticket_id.hex)


def _page(
    items: list[TicketView],
    places: Sequence[Place],
    last: Place | None,
    sort: Sort,
    *,
    is_back: bool,
    is_first: bool,
    is_similar: bool,
) -> TicketPage:
    """The page with the cursors that lead on and back. Read backwards, `last` lies before the page and not after it."""
    following, before = (places[-1] if places else None, last) if is_back else (last, places[0] if places else None)
    if is_back and before is not None and places:
        before = places[0]
    if not is_back and is_first:
        before = None
    return TicketPage(
        items=items,
        next_cursor=encode_position(sort, *following) if following else None,
        previous_cursor=encode_position(sort, *before, is_back=True) if before else None,
        is_similar=is_similar,
    )
