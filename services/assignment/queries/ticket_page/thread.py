"""The lines of a ticket's page: messages, notes and events together, the newest page first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    String,
    Subquery,
    Uuid,
    bindparam,
    select,
    tuple_,
    union_all,
)

from services.assignment.models import LoggedEvent
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.cursors import instant_in, number_in, uuid_in, word_in
from services.assignment.queries.ticket_page.conversation import (
    as_written,
    happened_by,
    messages_of,
    notes_of,
    one_of,
    with_actor_names,
)
from services.assignment.queries.ticket_page.merged_tickets import Sources
from services.assignment.queries.ticket_page.unseen_links import without_unseen
from services.assignment.schemas.conversation import NO_SOURCES, EntryView, EventView, entry_of, event_of
from shared.kit.auth import FileLinks
from shared.kit.db import Session
from shared.kit.http.paging import decode_cursor, encode_cursor

ENTRY, EVENT = 0, 1
"""At the same instant what was written stands before what followed from it."""
TICKET_ID: Final = bindparam("ticket_id", type_=Uuid())
TICKET_IDS: Final[BindParameter[UUID]] = bindparam("ticket_ids", type_=Uuid(), expanding=True)
MOST: Final = bindparam("most", type_=Integer())
BEFORE_AT: Final = bindparam("before_at", type_=DateTime(timezone=True))
AS_OF: Final = bindparam("as_of", type_=DateTime(timezone=True))


@dataclass(frozen=True, slots=True)
class ThreadLine:
    """A message or note, or an event; exactly one of the two is set."""

    at: datetime
    entry: EntryView | None = None
    event: EventView | None = None

    @property
    def cursor(self) -> str:
        """The cursor of what is older than this line."""
        if self.entry is not None:
            return encode_cursor(self.at.isoformat(), ENTRY, 0, self.entry.id.hex)
        assert self.event is not None
        return encode_cursor(self.at.isoformat(), EVENT, self.event.seq, self.event.id)


class ThreadFilter(StrEnum):
    """Which lines of the thread are wanted."""

    ALL = "all"
    CONVERSATION = "conversation"
    """What requester and agents wrote to each other."""
    NOTES = "notes"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """Lines from the newest to the oldest; `older` is the cursor of the next page, None on the last."""

    lines: Sequence[ThreadLine]
    older: str | None


@dataclass(frozen=True, slots=True)
class _Before:
    """A position in the thread, from a cursor."""

    at: datetime
    kind: int
    seq: int
    key: str

    @classmethod
    def parse(cls, cursor: str | None) -> "_Before | None":
        position = decode_cursor(cursor, str, int, int, str)
        if position is None:
            return None
        return cls(instant_in(position[0]), number_in(position[1]), number_in(position[2]), word_in(position[3]))


class _Shape(NamedTuple):
    """What a query depends on beside its values: each is built once, which takes longer than it runs."""

    before_kind: int | None
    is_past: bool
    has_sources: bool
    """Whether merged tickets are read with it."""

    @property
    def tickets(self) -> BindParameter[UUID]:
        """The parameter for the ticket, or for it and those merged into it."""
        return TICKET_IDS if self.has_sources else TICKET_ID


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which lines of which ticket."""

    ticket_id: UUID
    limit: int
    before: _Before | None
    as_of: datetime | None
    sources: Sources
    """The merged tickets whose lines stand among its own."""

    @property
    def shape(self) -> _Shape:
        return _Shape(None if self.before is None else self.before.kind, self.as_of is not None, bool(self.sources))

    def values(self, kind: int) -> dict[str, Any]:
        """Those of the query for entries, or for events."""
        values: dict[str, Any] = {"most": self.limit}
        values |= {"ticket_ids": [self.ticket_id, *self.sources]} if self.sources else {"ticket_id": self.ticket_id}
        values |= {} if self.as_of is None else {"as_of": self.as_of}
        if self.before is None:
            return values
        values |= {"before_at": self.before.at}
        if self.before.kind != kind:
            return values
        if kind == ENTRY:
            return values | {"before_id": uuid_in(self.before.key)}
        return values | {"before_seq": self.before.seq, "before_id": self.before.key}


async def list_thread(
    session: Session,
    files: FileLinks,
    ticket_id: UUID,
    limit: int,
    cursor: str | None = None,
    *,
    show: ThreadFilter = ThreadFilter.ALL,
    as_of: datetime | None = None,
    sources: Sources = NO_SOURCES,
) -> ThreadPage:
    """One page of the thread, at the cost of one page however long the thread is; with `as_of` the thread of then.

    Raises Problem 422 for a cursor that is not ours.
    """
    asked = _Asked(ticket_id, limit + 1, _Before.parse(cursor), as_of, sources)
    entries, events = list[ThreadLine](), list[ThreadLine]()
    if show is not ThreadFilter.EVENTS:
        entries = await _entries(session, files, asked, show)
    if show in (ThreadFilter.ALL, ThreadFilter.EVENTS):
        events = await _events(session, asked)
    lines = sorted([*entries, *events], key=_position, reverse=True)
    return ThreadPage(lines[:limit], lines[limit - 1].cursor if len(lines) > limit else None)


async def thread_seen_by(session: Session, reader: Caller, thread: ThreadPage) -> ThreadPage:
    """A page of the thread with its events like that."""
    told = await without_unseen(session, reader, [line.event for line in thread.lines if line.event is not None])
    by_id = {event.id: event for event in told}
    lines = [line if line.event is None else replace(line, event=by_id[line.event.id]) for line in thread.lines]
    return replace(thread, lines=lines)


async def find_decision(session: Session, ticket_id: UUID) -> EventView | None:
    """The newest routing decision with its evidence, if there is one."""
    found = await session.scalar(_decision_query(), {"ticket_id": ticket_id})
    return event_of(found, None) if found else None


@cache
def _decision_query() -> Select[LoggedEvent]:
    log = LoggedEvent
    is_decision = (log.ticket_id == TICKET_ID, log.seq == 0, log.type == "assignment.decided")
    return select(log).where(*is_decision).order_by(log.at.desc()).limit(1)


def _position(line: ThreadLine) -> tuple[datetime, int, int, str]:
    if line.entry is not None:
        return line.at, ENTRY, 0, line.entry.id.hex
    assert line.event is not None
    return line.at, EVENT, line.event.seq, line.event.id


async def _entries(session: Session, files: FileLinks, asked: _Asked, show: ThreadFilter) -> list[ThreadLine]:
    rows = await session.execute(_entries_query(show, asked.shape), asked.values(ENTRY))
    entries = [entry_of(row, files, asked.sources) for row in rows]
    if asked.as_of is not None:
        entries = await as_written(session, entries, asked.as_of)
    return [ThreadLine(entry.at, entry=entry) for entry in entries]


@cache
def _entries_query(show: ThreadFilter, shape: _Shape) -> Select[Any]:
    """Each kind is read by its own index, so that none is sorted whole."""
    messages, notes = messages_of(shape.tickets), notes_of(shape.tickets)
    kinds = {ThreadFilter.CONVERSATION: (messages,), ThreadFilter.NOTES: (notes,)}.get(show, (messages, notes))
    parts = [_newest(kind.subquery(), shape) for kind in kinds]
    found = union_all(*(select(part.subquery()) for part in parts)).subquery()
    return select(found).order_by(found.c.at.desc(), found.c.id.desc()).limit(MOST)


def _newest(entries: Subquery, shape: _Shape) -> Select[Any]:
    query = select(entries).order_by(entries.c.at.desc(), entries.c.id.desc()).limit(MOST)
    if shape.is_past:
        query = query.where(entries.c.at <= AS_OF)
    if shape.before_kind is None:
        return query
    is_older: ColumnElement[bool] = entries.c.at <= BEFORE_AT
    if shape.before_kind == ENTRY:
        is_older = tuple_(entries.c.at, entries.c.id) < tuple_(BEFORE_AT, bindparam("before_id", type_=Uuid()))
    return query.where(is_older)


async def _events(session: Session, asked: _Asked) -> list[ThreadLine]:
    rows = await session.execute(_events_query(asked.shape), asked.values(EVENT))
    events = [event_of(row.LoggedEvent, row.actor_name, asked.sources) for row in rows]
    return [ThreadLine(event.at, event=event) for event in events]


@cache
def _events_query(shape: _Shape) -> Select[*tuple[Any, ...]]:
    log = LoggedEvent
    query: Select[*tuple[Any, ...]] = with_actor_names().where(one_of(log.ticket_id, shape.tickets))
    query = query.order_by(log.at.desc(), log.seq.desc(), log.event_id.desc()).limit(MOST)
    if shape.is_past:
        query = query.where(happened_by(AS_OF))
    if shape.before_kind is None:
        return query
    is_older: ColumnElement[bool] = log.at < BEFORE_AT
    if shape.before_kind == EVENT:
        position = tuple_(BEFORE_AT, bindparam("before_seq", type_=Integer()), bindparam("before_id", type_=String()))
        is_older = tuple_(log.at, log.seq, log.event_id) < position
    return query.where(is_older)
