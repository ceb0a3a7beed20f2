"""Lists of tickets: views, filters and keyset pages, as far as the caller's permissions reach."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from services.assignment.models import Agent, Team, Ticket, TicketWords, Topic
from services.assignment.queries.callers import Caller
from services.assignment.queries.cursors import bad_cursor, instant_in, number_in, uuid_in
from services.assignment.queries.members import OVER
from services.assignment.queries.tickets import as_view, visible_to, with_names
from services.assignment.schemas.tickets import TicketView
from shared.contracts.vocabulary import Priority, Status
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


_MARKED_NUMBER = re.compile(r"\[?#\s?([0-9A-Za-z-]{1,32})\]?")


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
class Span:
    """Which page, and as of when."""

    limit: int
    cursor: str | None
    now: datetime


async def list_tickets(session: Session, caller: Caller, filters: Filters, sort: Sort, span: Span) -> Page[TicketView]:
    """One page. Raises Problem 422 for a cursor that is not of this sort."""
    limit, cursor, now = span.limit, span.cursor, span.now
    query = with_names().where(*conditions(caller, filters, now))
    column, is_descending = COLUMNS[sort.lstrip("-")], sort.startswith("-")
    if (after := position_of(cursor, sort)) is not None:
        key = tuple_(column, Ticket.id)
        query = query.where(key < after if is_descending else key > after)
    ordered = query.order_by(column.desc(), Ticket.id.desc()) if is_descending else query.order_by(column, Ticket.id)
    rows = (await session.execute(ordered.limit(limit + 1))).all()
    items = [as_view(row, caller, now) for row in rows[:limit]]
    more = encode_position(sort, column, rows[limit - 1].Ticket) if len(rows) > limit else None
    return Page(items=items, next_cursor=more)


async def count_views(session: Session, caller: Caller, now: datetime) -> dict[QueueView, int]:
    """How many tickets each view holds, in one scan."""
    counts: list[ColumnElement[int]] = [
        func.count().filter(*of_view(caller, view, now, has_status=False)) for view in QueueView
    ]
    query = select(*counts).select_from(Ticket).where(visible_to(caller.principal))
    row = (await session.execute(query)).one()
    return dict(zip(QueueView, row, strict=True))


def conditions(caller: Caller, filters: Filters, now: datetime) -> Sequence[ColumnElement[bool]]:
    """Everything a ticket of the list must fulfil."""
    found = [visible_to(caller.principal), *of_view(caller, filters.view, now, has_status=bool(filters.status))]
    if filters.status:
        found.append(Ticket.status.in_([status.value for status in filters.status]))
    if filters.priority:
        found.append(Ticket.priority.in_([priority.value for priority in filters.priority]))
    if filters.team:
        found.append(_by_id_or_slug(Ticket.team_id, Team.id, Team.slug, filters.team))
    if filters.assignee:
        found.append(_of_assignee(caller, filters.assignee))
    if filters.topic:
        found.append(_by_id_or_slug(Ticket.topic_id, Topic.id, Topic.slug, filters.topic))
    if filters.tag:
        found.append(Ticket.tags.contains([filters.tag]))
    if filters.q:
        words = without_hash(filters.q)
        matching = select(TicketWords.ticket_id).where(TicketWords.words.icontains(words, autoescape=True))
        found.append(Ticket.id.in_(matching))
    return found


def without_hash(q: str) -> str:
    """A ticket number as mails and people write it, `#100030` or `[#100030]`, is looked for without its marks."""
    found = _MARKED_NUMBER.fullmatch(q.strip())
    return found[1] if found else q


def of_view(caller: Caller, view: QueueView, now: datetime, *, has_status: bool) -> list[ColumnElement[bool]]:
    """What makes a ticket part of a view."""
    is_active = [] if has_status else [Ticket.status.not_in(OVER)]
    match view:
        case QueueView.MINE:
            return [Ticket.assignee_id == caller.agent_id, *is_active]
        case QueueView.TEAM:
            teams = {grant.team_id for grant in caller.principal.grants}
            return [Ticket.team_id.in_(teams), *is_active]
        case QueueView.UNASSIGNED:
            return [Ticket.assignee_id.is_(None), *is_active]
        case QueueView.OVERDUE:
            return [Ticket.next_due_at < now, *is_active]
        case QueueView.ALL:
            return [Ticket.id.is_not(None)]


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


def encode_position(sort: Sort, column: InstrumentedAttribute[Any], ticket: Ticket) -> str:
    """The cursor that continues after a ticket."""
    value = getattr(ticket, column.key)
    return encode_cursor(sort.value, value.isoformat() if isinstance(value, datetime) else str(value), ticket.id.hex)


def _by_id_or_slug(
    column: InstrumentedAttribute[UUID | None],
    key: InstrumentedAttribute[UUID],
    slug: InstrumentedAttribute[str],
    wanted: str,
) -> ColumnElement[bool]:
    try:
        return column == UUID(wanted)
    except ValueError:
        return column.in_(select(key).where(slug == wanted))


def _of_assignee(caller: Caller, wanted: str) -> ColumnElement[bool]:
    """By id, by e-mail address, `me` or `none`."""
    if wanted in ("me", "none"):
        return Ticket.assignee_id == caller.agent_id if wanted == "me" else Ticket.assignee_id.is_(None)
    try:
        return Ticket.assignee_id == UUID(wanted)
    except ValueError:
        return Ticket.assignee_id.in_(select(Agent.id).where(func.lower(Agent.email) == address_key(wanted)))
