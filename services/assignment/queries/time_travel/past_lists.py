"""Lists of tickets as they were at an instant of the past.

A ticket that has not changed since is as its row says; the others are looked up in the event log. What a page costs:

- tickets that are worked on now, or were then: all of them are looked at, each with at most one look-up in the log;
- tickets that were finished then and have not changed since: read like any list of finished tickets, a page at a time;
- tickets that were finished then and changed later (closed, reopened, archived): all of them, which are those of the
  policies' auto-close delay and reopen window before the instant.

No page reads the tickets that were finished long before the instant, nor those opened after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from services.assignment.models import FAR_FUTURE
from services.assignment.models.ticket_indexes import LIFETIME, OPEN, OVER
from services.assignment.models.tickets import CHANGED_AT
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_lists import scopes
from services.assignment.queries.ticket_lists.filters import ResolvedFilters, resolve, resolve_filters
from services.assignment.queries.ticket_lists.index_scans import Order, Place, statement
from services.assignment.queries.ticket_lists.reading import FoundPlaces, read_page
from services.assignment.queries.ticket_lists.terms import sought
from services.assignment.schemas.ticket_filters import Filters
from shared.contracts.vocabulary import Priority, Status
from shared.kit.db import Session

_KEPT: Final = "id, number, subject, requester_name, requester_email, tags, channel, topic_id, created_at"
_NOW_IN: Final = "team_id as team_id_now, assignee_id as assignee_id_now"
_RANKS: Final = " ".join(f"when '{priority.value}' then {priority.rank}" for priority in Priority)
_UNCHANGED: Final = f"""
  select {_KEPT}, {_NOW_IN}, status, priority, priority_rank, team_id, assignee_id, next_due_at, updated_at, snapshot
  from tickets where {OPEN} and created_at <= :as_of and updated_at <= :as_of"""
_CHANGED: Final = f"""
  select {", ".join(f"one.{name}" for name in _KEPT.split(", "))},
    one.team_id as team_id_now, one.assignee_id as assignee_id_now,
    coalesce(past.snapshot ->> 'status', 'new') as status,
    coalesce(past.snapshot ->> 'priority', one.asked_priority, '{Priority.NORMAL.value}') as priority,
    case coalesce(past.snapshot ->> 'priority', one.asked_priority, '{Priority.NORMAL.value}') {_RANKS} end
      as priority_rank,
    cast(past.snapshot ->> 'team_id' as uuid) as team_id,
    cast(past.snapshot ->> 'assignee_id' as uuid) as assignee_id,
    coalesce((
      select min(cast(clock ->> 'due_at' as timestamptz)) from jsonb_array_elements(past.snapshot -> 'clocks') as clock
      where clock ->> 'state' = 'running'), '{FAR_FUTURE.isoformat()}') as next_due_at,
    coalesce(cast(past.snapshot ->> 'updated_at' as timestamptz), one.created_at) as updated_at,
    past.snapshot
  from ({{candidates}}) as one
  left join lateral (
    select data -> 'snapshot' as snapshot from events
    where events.ticket_id = one.id and {CHANGED_AT} <= :as_of order by {CHANGED_AT} desc, seq desc limit 1
  ) as past on true"""
_NOW_OPEN: Final = f"select * from tickets where {OPEN} and created_at <= :as_of and updated_at > :as_of"
_NOW_OVER: Final = (
    f"select * from tickets where {OVER} and {LIFETIME} @> cast(:as_of as timestamptz)"
    " and created_at <= :as_of and updated_at > :as_of"
)
_WORKED_ON_THEN: Final = " and coalesce(worked_until, updated_at) > :as_of"


def past_tickets(statuses: Sequence[Status]) -> str:
    """SQL for tickets that had one of the statuses at `:as_of`, but for those finished then and unchanged since.

    It may yield others too: filter by the column `status`.
    """
    is_working_only = not set(statuses) & set(scopes.DONE)
    over = _NOW_OVER + (_WORKED_ON_THEN if is_working_only else "")
    changed = _CHANGED.format(candidates=f"{_NOW_OPEN} union all {over}")
    if set(statuses) & set(scopes.WORKING):
        return f"{_UNCHANGED} union all {changed}"
    return changed


@dataclass(frozen=True, slots=True)
class PastList:
    """A list as it was: the caller, what was asked for, and the instant."""

    caller: Caller
    filters: Filters
    as_of: datetime


async def read_past_page(session: Session, asked: PastList, order: Order, limit: int) -> FoundPlaces:
    """One page of the list, in order, and one ticket more to tell whether there is a next. Raises Problem 422."""
    found = await resolve_filters(session, asked.caller, asked.filters, asked.as_of)
    finished = [status for status in found.asked.statuses if status in scopes.DONE]
    unchanged = FoundPlaces(())
    if finished:
        unchanged = await _unchanged(session, asked, order, finished, limit)
    others = await _looked_up(session, asked, order, found, limit)
    return merge_places(order, unchanged, others, limit)


def merge_places(order: Order, unchanged: FoundPlaces, others: Sequence[Place], limit: int) -> FoundPlaces:
    """Both parts in order. Where the first was looked through up to a position only, the page ends there as well."""
    end = unchanged.looked_to
    if end is not None and len(unchanged.places) <= limit:
        others = [one for one in others if _is_up_to(order, one, end)]
    places = sorted([*unchanged.places, *others], key=_key, reverse=order.is_descending)
    return FoundPlaces(places[: limit + 1], end)


def _key(place: Place) -> tuple[Any, Any]:
    return place[1], place[0]


def _is_up_to(order: Order, place: Place, end: Place) -> bool:
    return _key(place) >= _key(end) if order.is_descending else _key(place) <= _key(end)


async def _unchanged(
    session: Session, asked: PastList, order: Order, finished: Sequence[Status], limit: int
) -> FoundPlaces:
    """Tickets that were finished then and have not changed since."""
    filters = replace(asked.filters, status=tuple(finished))
    listed, terms = await resolve(session, asked.caller, filters, asked.as_of)
    conditions = ("tickets.updated_at <= :as_of", "tickets.created_at <= :as_of")
    if order.column in ("updated_at", "created_at"):
        listed = replace(listed, visible=(*listed.visible, *conditions))
    else:
        listed = replace(listed, narrowed=(*listed.narrowed, *conditions))
    listed = replace(listed, values=listed.values | {"as_of": asked.as_of})
    return await read_page(session, order, listed, sought(terms), limit)


async def _looked_up(
    session: Session, asked: PastList, order: Order, found: ResolvedFilters, limit: int
) -> list[Place]:
    """All others, in order from the position on."""
    found.more.add_scope(found.asked)
    visible, seen = scopes.visible(asked.caller)
    values = found.more.values | seen | order.values | {"as_of": asked.as_of, "most": limit + 1}
    conditions = [*found.more.sql, *(_as_it_is_now(condition) for condition in visible)]
    for term in sought(found.terms):
        conditions.append(term.condition)
        values |= term.values
    if order.after is not None:
        sign = "<" if order.is_descending else ">"
        conditions.append(f"(tickets.{order.column}, tickets.id) {sign} (:after_place, :after_id)")
    sql = f"""
    with past as materialized ({past_tickets(found.asked.statuses)})
    select tickets.id, tickets.{order.column} as place from past as tickets
    where {" and ".join(conditions)} order by {order.by} limit :most"""
    used = {name: value for name, value in values.items() if f":{name}" in sql}
    rows = await session.execute(statement(sql), used)
    return [(row[0], row[1]) for row in rows]


def _as_it_is_now(condition: str) -> str:
    """A condition of visibility: permissions are about the place where a ticket now stands."""
    return condition.replace("tickets.team_id", "tickets.team_id_now").replace(
        "tickets.assignee_id", "tickets.assignee_id_now"
    )
