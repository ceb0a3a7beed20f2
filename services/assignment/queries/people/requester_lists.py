"""Lists of requesters by name, at a cost that does not grow with the people there are.

Nobody knows beforehand how many people bear some letters, or have a ticket that an agent sees. Few are found by an
index and put in order; of many the next ones by name are looked at, and the page may end early and say where to go on.
Those who are looked at are read apart (`offset 0`): in one query the planner may go through everybody instead.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select, true, tuple_
from sqlalchemy.orm import aliased

from services.assignment.models import RequesterAddress, RequesterRecord
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.access.visibility import VIEW
from services.assignment.queries.cursors import uuid_in
from services.assignment.queries.people.requesters import may_see, printable, summaries
from services.assignment.queries.ticket_lists.terms import is_indexed
from services.assignment.schemas.requesters import RequesterSummary
from shared.domain.permissions import Principal, holds, reach
from shared.kit.db import Session
from shared.kit.http.paging import Page, decode_cursor, encode_cursor

LOOKED_AT: Final = 1_000
"""People who are looked at for one page."""
TAKEN_FROM_INDEX: Final = 1_000
"""Largest number of people with the words sought who are read and put in order."""
NAME: Final = func.lower(RequesterRecord.name)
IS_THERE: Final = RequesterRecord.merged_into.is_(None)
PLANNED_FOR_THE_WORDS: Final = select(func.set_config("plan_cache_mode", "force_custom_plan", true()))
"""For the rest of the transaction. The sixth time on, PostgreSQL plans for any words, and takes them for rare: it reads
all whom the trigram index has for a word that everybody bears, before the first of them is returned."""
Position = tuple[str, UUID]
"""A name in lower case, and whose it is."""


async def list_requesters(
    session: Session, caller: Caller, words: str, limit: int, cursor: str | None
) -> Page[RequesterSummary]:
    """People by name, found by a part of the name or of an address.

    A page may hold fewer than asked for, or none, and have a next one all the same.
    """
    after, wanted = _after(decode_cursor(cursor, str, str)), words.strip().lower()
    if not wanted and _sees_all(caller.principal):
        return await _page(session, await _rows(session, _by_name(after).limit(limit + 1)), limit, None)
    few = await _bearers(session, wanted) if is_indexed(wanted) else None
    among = _by_name(after).limit(LOOKED_AT) if few is None else _by_name(after).where(RequesterRecord.id.in_(few))
    person = aliased(RequesterRecord, among.offset(0).subquery("near"))
    found = select(person).where(may_see(caller.principal, person))
    if wanted and few is None:
        found = found.where(_bears(person, wanted))
    rows = await _rows(session, found.order_by(func.lower(person.name), person.id).limit(limit + 1))
    is_short = few is None and len(rows) <= limit
    return await _page(session, rows, limit, await _end_of_near(session, after) if is_short else None)


async def _page(
    session: Session, rows: Sequence[RequesterRecord], limit: int, looked_to: Position | None
) -> Page[RequesterSummary]:
    """The rows as a page; `looked_to` is where the next begins although there are no more rows."""
    shown = rows[:limit]
    last = (shown[-1].name, shown[-1].id) if len(rows) > limit else looked_to
    more = encode_cursor(last[0], str(last[1])) if last is not None else None
    return Page(items=await summaries(session, shown), next_cursor=more)


async def _rows(session: Session, people: Select[Any]) -> Sequence[RequesterRecord]:
    return (await session.scalars(people)).all()


def _sees_all(principal: Principal) -> bool:
    return holds(principal, VIEW) and reach(principal, VIEW).is_everything


def _after(position: tuple[str | int, ...] | None) -> Position | None:
    return None if position is None else (printable(position[0]), uuid_in(position[1]))


def _by_name(after: Position | None) -> Select[Any]:
    """Everybody after a position, in order."""
    people = select(RequesterRecord).where(IS_THERE)
    if after is not None:
        people = people.where(tuple_(NAME, RequesterRecord.id) > tuple_(func.lower(after[0]), after[1]))
    return people.order_by(NAME, RequesterRecord.id)


async def _end_of_near(session: Session, after: Position | None) -> Position | None:
    """The last of those who were looked at, unless they were all there are."""
    end = _by_name(after).with_only_columns(RequesterRecord.name, RequesterRecord.id).offset(LOOKED_AT - 1).limit(1)
    row = (await session.execute(end)).one_or_none()
    return None if row is None else (row.name, row.id)


async def _bearers(session: Session, words: str) -> Sequence[UUID] | None:
    """Whoever has the words in the name or an address, by the trigram indexes; None if they are too many."""
    await session.execute(PLANNED_FOR_THE_WORDS)
    by_name = select(RequesterRecord.id).where(NAME.contains(words, autoescape=True))
    by_email = select(RequesterAddress.requester_id).where(RequesterAddress.email.contains(words, autoescape=True))
    found: set[UUID] = set()
    for some in (by_name, by_email):
        found.update(await session.scalars(some.limit(TAKEN_FROM_INDEX + 1)))
    return list(found) if len(found) <= TAKEN_FROM_INDEX else None


def _bears(person: type[RequesterRecord], words: str) -> ColumnElement[bool]:
    """Whether the person at hand has the words in the name or an address."""
    theirs = select(RequesterAddress.email).where(
        RequesterAddress.requester_id == person.id,
        RequesterAddress.email.contains(words, autoescape=True),
    )
    return or_(func.lower(person.name).contains(words, autoescape=True), theirs.offset(0).exists())
