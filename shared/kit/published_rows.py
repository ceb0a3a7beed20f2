"""Published outbox rows of the last minutes: published again if the stream turns out to have lost them."""

from collections.abc import Mapping
from typing import Any

import asyncpg
from nats.js import JetStreamContext

from shared.contracts.names import STREAM
from shared.kit.bus.recent_publishes import KEPT_SECONDS, PAGE, missing_from_stream

FORGET_AT_ONCE = 1000
MOST_ROWS = 100_000
TAKE = """
with acknowledged as (select * from unnest($1::bigint[], $2::bigint[]) as one (row_id, sequence)),
taken as (
  delete from outbox using acknowledged where id = row_id
  returning id, event_id, subject, envelope, created_at, sequence)
insert into outbox_published (id, event_id, subject, envelope, created_at, sequence)
select id, event_id, subject, envelope, created_at, sequence from taken
on conflict (id) do update set sequence = excluded.sequence, published_at = now()
"""
NEWEST = "select id, event_id, sequence from outbox_published order by sequence desc, id desc limit $1"
OLDER = """
select id, event_id, sequence from outbox_published where (sequence, id) < ($2, $3)
order by sequence desc, id desc limit $1
"""
PUT_BACK = """
with lost as (
  delete from outbox_published where id = any($1::bigint[]) returning id, event_id, subject, envelope, created_at)
insert into outbox (id, event_id, subject, envelope, created_at)
select id, event_id, subject, envelope, created_at from lost on conflict (id) do nothing
"""
FORGET = """
delete from outbox_published where id in (
  select id from (select id, published_at from outbox_published order by id limit $1) as oldest
  where id <= $3 or published_at < now() - make_interval(secs => $2))
returning sequence
"""
BOUND = """
select max(id) - $1::bigint, min(published_at) < now() - make_interval(secs => $2)
from (
  (select id, published_at from outbox_published order by id limit 1)
  union all (select id, null from outbox_published order by id desc limit 1)) as ends
"""


class PublishedRows:
    """The table's statements; each costs the same however much was ever published."""

    def __init__(self) -> None:
        self._forgotten = 0
        """The furthest place in the stream of a row that is not kept any more."""

    async def take(self, connection: "asyncpg.Connection[Any]", sequences: Mapping[int, int]) -> None:
        """Moves rows out of the outbox, by id, with their places in the stream."""
        if sequences:
            await connection.execute(TAKE, list(sequences), list(sequences.values()))

    async def put_back_lost(self, connection: "asyncpg.Connection[Any]", js: JetStreamContext) -> int:
        """Moves back into the outbox what the stream does not hold any more; returns how many rows.

        Looks at the newest page, and at older ones for as long as something is missing. The rows keep their ids,
        so they are published in their old order and before what came later.
        """
        lost: list[int] = []
        page = await connection.fetch(NEWEST, PAGE)
        while page:
            missing = await missing_from_stream(js, [(row["sequence"], row["event_id"]) for row in page])
            if not missing:
                break
            lost += [page[position]["id"] for position in missing]
            page = await connection.fetch(OLDER, PAGE, page[-1]["sequence"], page[-1]["id"])
        if lost:
            await connection.execute(PUT_BACK, lost)
        return len(lost)

    async def forget_old(self, connection: "asyncpg.Connection[Any]") -> None:
        """Deletes the oldest rows past their minutes, and those beyond the bound, a batch at a time."""
        bound, is_too_old = await connection.fetchrow(BOUND, MOST_ROWS, KEPT_SECONDS) or (None, None)
        is_more = bound is not None and (is_too_old or bound > 0)
        while is_more:
            rows = await connection.fetch(FORGET, FORGET_AT_ONCE, KEPT_SECONDS, bound)
            self._forgotten = max(self._forgotten, *(row["sequence"] for row in rows), 0)
            is_more = len(rows) == FORGET_AT_ONCE

    async def lost_for_good(self, js: JetStreamContext) -> tuple[int, int] | None:
        """Where the stream ends and how far rows had got that are not kept any more, if it ends before; told once."""
        last = (await js.stream_info(STREAM)).state.last_seq
        forgotten, self._forgotten = self._forgotten, min(self._forgotten, last)
        return (last, forgotten) if last < forgotten else None
