"""Reads pages of the feed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shared.kit.db import Database
from shared.kit.http.problems import Problem

_READ = """
select feed_end.position as last, kept.position as oldest, page.position, page.type, page.envelope
from feed_end
cross join (select min(position) as position from feed_events) as kept
left join lateral (
  select event.position, event.type, event.envelope
  from ({wanted}) as page join feed_events as event on event.position = page.position
) as page on true
where feed_end.id = 1
order by page.position
"""
_WANTED = """
  select near.position from unnest(cast(:types as text[])) as wanted (type)
  cross join lateral (
    select position from feed_events where type = wanted.type and position > :after order by position limit :most
  ) as near
  order by near.position limit :most
"""
_WANTED_OF_TICKET = """
  select position from feed_events
  where ticket_id = :ticket and type = any(cast(:types as text[])) and position > :after order by position limit :most
"""
READ = text(_READ.format(wanted=_WANTED))
READ_OF_TICKET = text(_READ.format(wanted=_WANTED_OF_TICKET))
"""One statement, so that the end of the feed and the page are of one moment.

Each type is read by its own index, so that a rare one does not read all the others, however old the cursor is.
"""


@dataclass(frozen=True, slots=True)
class FeedQuery:
    """Which events are read."""

    types: Collection[str]
    ticket_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """An event with its place in the feed."""

    position: int
    type: str
    envelope: str
    """JSON."""


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Events in the order of the feed, and where to go on."""

    events: Sequence[FeedEvent]
    position: int
    """What is read next comes after it: all that was wanted up to here is in this page or the ones before."""


async def read_page(database: Database, query: FeedQuery, after: int, most: int) -> FeedPage:
    """Returns the events after a position. Raises Problem 410 if some of those are not kept any more."""
    parameters = {"after": after, "types": sorted(query.types), "most": most}
    statement = READ
    if query.ticket_id is not None:
        statement, parameters = READ_OF_TICKET, parameters | {"ticket": query.ticket_id}
    async with database.single() as connection:
        rows = (await connection.execute(statement, parameters)).all()
    last, oldest = rows[0].last, rows[0].oldest
    _check(after, last, oldest)
    events = [FeedEvent(row.position, row.type, row.envelope) for row in rows if row.position is not None]
    return FeedPage(events, events[-1].position if len(events) == most else max(last, after))


async def end_of_feed(database: Database) -> int:
    """Returns the position of the newest event."""
    async with database.single() as connection:
        return int((await connection.execute(text("select position from feed_end where id = 1"))).scalar_one())


def _check(after: int, last: int, oldest: int | None) -> None:
    """Refuses to pass over events in silence. Position 0 stands for the beginning of what is kept."""
    first = last + 1 if oldest is None else oldest
    if after > last or 0 < after < first - 1:
        raise Problem(
            410,
            "cursor_expired",
            "events after this cursor are not kept any more; read the tickets anew, then go on without `after`",
        )
