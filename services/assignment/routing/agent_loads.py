"""How many open tickets agents have: noted by triggers on tickets, added up here, and checked by counting.

A ticket that comes to an agent or leaves one appends a row to `agent_load_changes` in its own transaction. A job adds
these up in `agent_loads`, in one statement that takes away what it adds. So a statement that reads both sees what it
would count at that moment, nobody waits for anybody, and a process that dies leaves nothing half done.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from services.assignment.load_differences import DIFFERENCES
from shared.contracts.vocabulary import Priority
from shared.kit.db import Database, Session

EVERY_SECONDS: Final = 10.0
MOST: Final = 10_000
"""Changes that are added up in one transaction."""
ADD_UP: Final = text(f"""
with taken as (
  delete from agent_load_changes
  where id in (select id from agent_load_changes order by id limit {MOST} for update skip locked)
  returning agent_id, priority_rank, tickets, assigned_at
), added as (
  insert into agent_loads as load (agent_id, low, normal, high, urgent, assigned_at)
  select agent_id, coalesce(sum(tickets) filter (where priority_rank = 0), 0),
    coalesce(sum(tickets) filter (where priority_rank = 1), 0),
    coalesce(sum(tickets) filter (where priority_rank = 2), 0),
    coalesce(sum(tickets) filter (where priority_rank = 3), 0), max(assigned_at)
  from taken group by agent_id order by agent_id
  on conflict (agent_id) do update set low = load.low + excluded.low, normal = load.normal + excluded.normal,
    high = load.high + excluded.high, urgent = load.urgent + excluded.urgent,
    assigned_at = greatest(load.assigned_at, excluded.assigned_at)
)
select count(*) from taken""")  # noqa: S608 - SQL made of constants
CHECK: Final = text(f"{DIFFERENCES} select * from differences order by agent_id, priority_rank")  # noqa: S608 - as above
CORRECT: Final = text(f"""{DIFFERENCES}, appended as (
  insert into agent_load_changes (agent_id, priority_rank, tickets)
  select agent_id, priority_rank, counted - kept from differences
), told as (
  insert into agent_load_changes (agent_id, priority_rank, tickets, assigned_at)
  select agents.id, 0, 0, last.assigned_at from agents left join agent_loads as load on load.agent_id = agents.id
  cross join lateral (select max(assigned_at) as assigned_at from tickets where assignee_id = agents.id) as last
  where last.assigned_at > coalesce(load.assigned_at, '-infinity')
)
select * from differences order by agent_id, priority_rank""")  # noqa: S608 - as above
ONE_CORRECTION: Final = text("select pg_advisory_xact_lock(hashtext('agent_loads'))")
"""Two corrections at once would both add what is missing."""
PRIORITIES: Final = tuple(Priority)


@dataclass(frozen=True, slots=True)
class LoadDifference:
    """An agent whose kept load is not what a count of their tickets says."""

    agent_id: UUID
    priority: Priority
    kept: int
    counted: int


async def keep_loads_added_up(database: Database) -> None:
    """For ever: adds up what has changed. Any number of processes may do so."""
    while True:
        await add_up_changes(database)
        await asyncio.sleep(EVERY_SECONDS)


async def add_up_changes(database: Database) -> None:
    """Adds all changes to the loads; those that another process is adding up are left to it."""
    taken = MOST
    while taken >= MOST:
        async with database.begin() as session:
            taken = (await session.execute(ADD_UP)).scalar_one()


async def check_loads(session: Session) -> list[LoadDifference]:
    """Where kept and counted loads differ: nowhere, unless somebody wrote tickets around the triggers."""
    return _differences((await session.execute(CHECK)).all())


async def correct_loads(session: Session) -> list[LoadDifference]:
    """Corrects what differs, and returns it; tickets may change meanwhile.

    What is missing is found and appended as changes in one statement, so what happens beside it adds to it.
    """
    await session.execute(ONE_CORRECTION)
    return _differences((await session.execute(CORRECT)).all())


def _differences(rows: Sequence[Row[Any]]) -> list[LoadDifference]:
    return [LoadDifference(row.agent_id, PRIORITIES[row.priority_rank], row.kept, row.counted) for row in rows]
