"""What the indexes of lists cost a ticket that is written: beside a copy of the table without them, turn by turn."""

import json
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

BARE: Final = "tickets_bare"
ROUNDS: Final = 15
ROWS: Final = 400
COPY: Final = f"create table {BARE} (like tickets including all)"
TIDIED: Final = "vacuum (analyze, index_cleanup on)"
"""Rows that are gone leave the indexes, too: beside a million they would stay there, being of few pages."""
INDEXES: Final = """
select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = $1::regclass and pg_get_expr(i.indpred, i.indrelid) ~ 'resolved'
"""
STEPS: Final = {
    "opened": """
      insert into {table} (id, number, seq, revision, status, priority, priority_rank, team_id, assignee_id,
        assigned_at, next_due_at, is_archived, subject, requester_name, requester_email, created_at, updated_at,
        snapshot)
      select md5($1 || '-' || i)::uuid, 'W' || $1 || '-' || i, 1, 1, 'open', priority, priority_rank, team_id,
        assignee_id, now(), now() + make_interval(mins => i), false, subject, requester_name,
        requester_email, now(), now(), snapshot
      from generate_series(1, {rows}) as i
      join (select t.*, row_number() over () as n from (select * from tickets limit {rows}) as t) as one on one.n = i
    """,
    "answered": """
      update {table} set seq = seq + 1, status = 'pending', updated_at = clock_timestamp(),
        next_due_at = next_due_at + interval '1 hour', snapshot = snapshot || '{{"seq": 2}}'
      where id in (select md5($1 || '-' || i)::uuid from generate_series(1, {rows}) as i)
    """,
    "closed": """
      update {table} set seq = seq + 1, status = 'closed', updated_at = clock_timestamp(), next_due_at = '9999-12-31Z',
        is_archived = true, snapshot = snapshot || '{{"seq": 3}}'
      where id in (select md5($1 || '-' || i)::uuid from generate_series(1, {rows}) as i)
    """,
}
"""What becomes of a ticket's row; each changes a column that an index holds, with these indexes and without."""


@dataclass(frozen=True, slots=True)
class Written:
    """Of one ticket: the server's microseconds, the fastest round; bytes of log, the median; index entries' pages."""

    microseconds: float
    wal_bytes: float
    pages: float


async def write_costs(dsn: str) -> dict[str, dict[str, Written]]:
    """By step, with and without the indexes of lists. `dsn` is a superuser's; the tickets stay as they were."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(COPY)
        for index in await connection.fetch(INDEXES, BARE):
            await connection.execute(f"drop index {index['name']}")
        await connection.execute(f"insert into {BARE} select * from tickets")
        for command in (f"{TIDIED} tickets", f"{TIDIED} {BARE}", "checkpoint"):
            await connection.execute(command)
        return await _turns(connection)
    finally:
        await connection.execute(f"drop table if exists {BARE}; delete from tickets where number like 'W%-%'")
        await connection.execute(f"{TIDIED} tickets")
        await connection.close()


async def _turns(connection: "asyncpg.Connection[Any]") -> dict[str, dict[str, Written]]:
    taken: dict[str, dict[str, list[Written]]] = {step: {"tickets": [], BARE: []} for step in STEPS}
    for turn in range(ROUNDS):
        for step, statement in STEPS.items():
            for table in ("tickets", BARE) if turn % 2 else (BARE, "tickets"):
                taken[step][table].append(await _written(connection, statement.format(table=table, rows=ROWS), turn))
    return {
        step: {"with": _typical(of_tables["tickets"]), "without": _typical(of_tables[BARE])}
        for step, of_tables in taken.items()
    }


async def _written(connection: "asyncpg.Connection[Any]", statement: str, turn: int) -> Written:
    explained = f"explain (analyze, buffers, wal, timing off, format json) {statement}"
    found = json.loads(await connection.fetchval(explained, str(turn)))[0]
    plan = found["Plan"]
    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return Written(found["Execution Time"] * 1000 / ROWS, plan["WAL Bytes"] / ROWS, pages / ROWS)


def _typical(turns: list[Written]) -> Written:
    middle = len(turns) // 2
    return Written(
        min(one.microseconds for one in turns),
        sorted(one.wal_bytes for one in turns)[middle],
        sorted(one.pages for one in turns)[middle],
    )
