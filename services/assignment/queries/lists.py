"""Lists of tickets: views, filters and keyset pages, as far as the caller's permissions reach."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from unicodedata import normalize
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from services.assignment.models import Agent, Team, Ticket, Topic, table_of
from services.assignment.queries.callers import Caller
from services.assignment.queries.cursors import bad_cursor, instant_in, number_in, uuid_in
from services.assignment.queries.indexed_ranges import (
    DONE,
    Conditions,
    Listed,
    Order,
    Place,
    indexed_ranges,
    merged,
    scopes_of,
)
from services.assignment.queries.searches import search
from services.assignment.queries.tickets import as_view, with_names
from services.assignment.queries.visibility import visible_to
from services.assignment.schemas.tickets import TicketRow, TicketView
from shared.contracts.vocabulary import Permission, Priority, Status
from shared.domain.permissions import reach
from shared.kit.addresses import address_key
from shared.kit.db import Session
from shared.kit.http.paging import Page, decode_cursor, encode_cursor


class QueueView(StrEnum):
    """Which tickets a list starts from. All but `all` leave out resolved and closed ones unless `status` asks."""

    MINE = "mine"
    TEAM = "team"
    UNASSIGNED = "unassigned"
    OVERDUE = "overdue"
    ALL = "all"


class Sort(StrEnum):
    """The order of a list; `-` is descending."""

    UPDATED_LAST = "-updated_at"
    UPDATED = "updated_at"
    CREATED_LAST = "-created_at"
    CREATED = "created_at"
    DUE = "due_at"
    PRIORITY = "-priority"
    PRIORITY_RISING = "priority"


COLUMNS: dict[str, InstrumentedAttribute[Any]] = {
    "updated_at": Ticket.updated_at,
    "created_at": Ticket.created_at,
    "due_at": Ticket.next_due_at,
    "priority": Ticket.priority_rank,
}


COUNTED = 1000
WHOLE = tuple(table_of(Ticket).c)
WORKING = tuple(status for status in Status if status not in DONE)
NOBODYS = UUID(int=0)
_MARKED_NUMBER = re.compile(r"(?:ticket\s*)?[\[(]?\s?#\s?([0-9A-Za-z-]{1,32})\s?[\])]?[.,:;!?]?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; None does not narrow."""

    view: QueueView = QueueView.ALL
    status: tuple[Status, ...] = ()
    team: str | None = None
    assignee: str | None = None
    priority: tuple[Priority, ...] = ()
    topic: str | None = None
    tag: str | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """Which page, and as of when."""

    limit: int
    cursor: str | None
    now: datetime


async def list_tickets(
    session: Session, caller: Caller, filters: Filters, sort: Sort, span: TimeSpan
) -> Page[TicketView]:
    """One page. Raises Problem 422 for a cursor that is not of this sort.

    A page of a search may hold fewer than asked for, or nothing, and still have a next one.
    """
    order = Order(COLUMNS[sort.lstrip("-")], sort.startswith("-"), position_of(span.cursor, sort))
    listed = await _listed(session, caller, filters, span.now)
    rows: Sequence[TicketRow]
    if listed.words or listed.tag:
        found = await search(session, order, listed, span.limit)
        rows, last = await _rows_of(session, caller, found.page(span.limit)), found.last(span.limit)
    else:
        rows, last = await _walk(session, order, listed, span.limit)
    items = [as_view(row, caller, span.now) for row in rows]
    return Page(items=items, next_cursor=encode_position(sort, *last) if last else None)


async def count_views(session: Session, caller: Caller, now: datetime) -> dict[QueueView, int]:
    """How many tickets each view holds, as far as `COUNTED`: one more than that stands for all above it."""
    order = Order(Ticket.created_at, is_descending=False)
    counts = []
    for view in QueueView:
        listed = await _listed(session, caller, Filters(view), now)
        places = merged(order, listed.parts, listed.narrowed, COUNTED + 1)
        counts.append(select(func.count()).select_from(places).scalar_subquery())
    row = (await session.execute(select(*counts))).one()
    return dict(zip(QueueView, row, strict=True))


async def _listed(session: Session, caller: Caller, filters: Filters, now: datetime) -> Listed:
    """The list, its names resolved first: only of an id it is known how many tickets bear it."""
    statuses = filters.status or (tuple(Status) if filters.view is QueueView.ALL else WORKING)
    team_id = await _id_of(session, Team.id, Team.slug == filters.team, filters.team)
    assignee_id = await _assignee(session, caller, filters.assignee)
    narrowed = [visible_to(caller.principal), *of_view(caller, filters.view, now)]
    if filters.priority:
        narrowed.append(Ticket.priority.in_([priority.value for priority in filters.priority]))
    if filters.topic:
        narrowed.append(Ticket.topic_id == await _id_of(session, Topic.id, Topic.slug == filters.topic, filters.topic))
    if filters.assignee:
        narrowed.append(Ticket.assignee_id == assignee_id if assignee_id else Ticket.assignee_id.is_(None))
    if filters.team:
        narrowed.append(Ticket.team_id == team_id)
    is_nobodys = filters.assignee == "none" or (filters.view is QueueView.UNASSIGNED and not filters.assignee)
    if is_nobodys:
        scopes = _scopes_of_nobodys(caller, filters, team_id)
    else:
        scopes = _scopes(caller, filters, team_id, assignee_id)
    ranges = indexed_ranges(statuses, scopes, filters.priority, is_nobodys=is_nobodys)
    return Listed(ranges, narrowed, without_hash(filters.q or ""), filters.tag or "")


def _scopes(caller: Caller, filters: Filters, team_id: UUID | None, assignee_id: UUID | None) -> Sequence[Conditions]:
    """The narrowest scopes that hold the whole list."""
    if filters.view is QueueView.MINE or assignee_id:
        return [(Ticket.assignee_id == (assignee_id or caller.agent_id),)]
    if filters.team:
        return _in_team(caller, team_id)
    if filters.view is QueueView.TEAM:
        return [(Ticket.team_id == one,) for one in sorted({grant.team_id for grant in caller.principal.grants})]
    return scopes_of(caller.principal, Permission.TICKET_VIEW)


def _scopes_of_nobodys(caller: Caller, filters: Filters, team_id: UUID | None) -> Sequence[Conditions]:
    """The same for what nobody has: none of it is anybody's own."""
    reached = reach(caller.principal, Permission.TICKET_VIEW)
    if filters.view is QueueView.MINE:
        return []
    if reached.is_everything and not filters.team and filters.view is not QueueView.TEAM:
        return [()]
    teams = {team_id} if filters.team else {grant.team_id for grant in caller.principal.grants}
    seen = teams if reached.is_everything else teams & reached.team_ids
    return [(Ticket.team_id == one,) for one in sorted(one for one in seen if one is not None)]


def _in_team(caller: Caller, team_id: UUID | None) -> Sequence[Conditions]:
    """The team, or one's own tickets, or none: in a team out of reach each ticket would be looked at in vain."""
    reached = reach(caller.principal, Permission.TICKET_VIEW)
    if reached.is_everything or team_id in reached.team_ids:
        return [(Ticket.team_id == team_id,)]
    return [(Ticket.assignee_id == caller.agent_id,)] if reached.is_own else []


async def _walk(session: Session, order: Order, listed: Listed, limit: int) -> tuple[Sequence[TicketRow], Place | None]:
    """The page, read where the index finds it; and where it ends, if there is a next one."""
    found = merged(order, listed.parts, listed.narrowed, limit + 1, WHOLE)
    query = with_names(aliased(Ticket, found, name="Ticket")).add_columns(found.c.place)
    rows = (await session.execute(query.order_by(*order.by(found)))).all()
    last = rows[limit - 1] if len(rows) > limit else None
    return rows[:limit], last and (last.Ticket.id, last.place)


async def _rows_of(session: Session, caller: Caller, places: Sequence[Place]) -> Sequence[TicketRow]:
    """The tickets in these places that the caller may see, in the same order."""
    ids = [ticket_id for ticket_id, _ in places]
    query = with_names().where(Ticket.id.in_(ids), visible_to(caller.principal))
    rows = {row.Ticket.id: row for row in (await session.execute(query)).all()} if ids else {}
    return [rows[ticket_id] for ticket_id in ids if ticket_id in rows]


def without_hash(q: str) -> str:
    """A ticket number as mails and people write it, `#100030` or `[#100030]`, is looked for without its marks."""
    found = _MARKED_NUMBER.fullmatch(normalize("NFKC", q).strip())
    return found[1] if found else q


def of_view(caller: Caller, view: QueueView, now: datetime) -> list[ColumnElement[bool]]:
    """What makes a ticket part of a view, beside its status."""
    match view:
        case QueueView.MINE:
            return [Ticket.assignee_id == caller.agent_id]
        case QueueView.TEAM:
            return [Ticket.team_id.in_({grant.team_id for grant in caller.principal.grants})]
        case QueueView.UNASSIGNED:
            return [Ticket.assignee_id.is_(None)]
        case QueueView.OVERDUE:
            return [Ticket.next_due_at < now]
        case QueueView.ALL:
            return []


def position_of(cursor: str | None, sort: Sort) -> tuple[datetime | int, UUID] | None:
    """The place a cursor points to. Raises Problem 422."""
    position = decode_cursor(cursor, str, str, str)
    if position is None:
        return None
    order, value, ticket_id = position
    if order != sort:
        raise bad_cursor()
    place = number_in(value) if sort.endswith("priority") else instant_in(value)
    return place, uuid_in(ticket_id)


def encode_position(sort: Sort, ticket_id: UUID, value: datetime | int) -> str:
    """The cursor that continues after a ticket."""
    return encode_cursor(sort.value, value.isoformat() if isinstance(value, datetime) else str(value), ticket_id.hex)


async def _id_of(
    session: Session, key: InstrumentedAttribute[UUID], is_it: ColumnElement[bool], wanted: str | None
) -> UUID | None:
    """The id that was given, or the one of what has the name that was given; NOBODYS if nothing has."""
    if not wanted:
        return None
    try:
        return UUID(wanted)
    except ValueError:
        return await session.scalar(select(key).where(is_it).limit(1)) or NOBODYS


async def _assignee(session: Session, caller: Caller, wanted: str | None) -> UUID | None:
    """By id, by e-mail address or `me`; None for `none`, or if nobody is asked for."""
    if not wanted or wanted in ("me", "none"):
        return caller.agent_id if wanted == "me" else None
    return await _id_of(session, Agent.id, func.lower(Agent.email) == address_key(wanted), wanted)
