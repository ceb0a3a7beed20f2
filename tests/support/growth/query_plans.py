"""A path, and what its statements would do: taken from the running code and explained by the database."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import event

from shared.kit.db import Database

GUARDED = frozenset(
    {
        *("tickets", "ticket_words", "messages", "events", "verdicts", "routing_decisions"),
        *("timeline_entries", "raw_mails", "mail_ids", "mail_ancestors", "attachments", "deliveries"),
    }
)
"""Tables that grow with every ticket there ever was."""
BESIDE = frozenset(
    {
        *("notes", "ticket_tasks", "ticket_links", "follow_ups", "followers", "participants", "ticket_assignments"),
        *("requesters", "requester_addresses", "person_addresses", "satisfaction_ratings", "satisfaction_surveys"),
        *("side_conversations", "side_messages", "side_mails", "recipient_addresses", "mail_preferences"),
        *("alerts", "incident_children", "feed_events", "feed_tickets", "csat_asks", "webhook_deliveries"),
    }
)
"""Tables that grow too, and are so small in a test that the planner may well read them whole: it must not have to."""
FIRST_COLUMNS = """
select c.relname, a.attname from pg_index i join pg_class c on c.oid = i.indexrelid
join pg_am on pg_am.oid = c.relam and pg_am.amname = 'btree'
join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
where coalesce(pg_get_expr(i.indpred, i.indrelid), '') !~ '<> ALL' and a.attname <> 'status'
"""
"""Of indexes that hold what is over; those of open tickets alone may be walked, and of statuses there are but a few."""
EXPLAINED = ("select", "with", "update", "delete", "insert")


@dataclass(frozen=True, slots=True)
class Path:
    """Something a service does, run as it does it."""

    name: str
    run: Callable[[], Awaitable[int | None]]
    """What it does; how many rows it returned, where that may differ from one past to another."""
    fills_at: int = 0
    """Closed tickets from which on it finds as many as it reads at most; with fewer it has less to read."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as it was sent."""

    sql: str
    parameters: tuple[Any, ...]


@contextmanager
def listening(database: Database) -> Iterator[list[Statement]]:
    """What the database is asked meanwhile."""
    heard: list[Statement] = []

    def hear(_connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, is_many: bool) -> None:
        heard.append(Statement(sql, tuple(parameters[0] if is_many else parameters)))

    event.listen(database.engine.sync_engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", hear)


async def scans(connection: "asyncpg.Connection[Any]", statement: Statement) -> list[str]:
    """The guarded tables that a statement would read from one end to the other, and others that it has to.

    A walk through a whole index is such reading, too: what it looks for does not name the index's first column.
    """
    if not statement.sql.lstrip(" \n(").lower().startswith(EXPLAINED):
        return []
    found = await _scanned_by(connection, statement) & GUARDED
    await connection.execute("set enable_seqscan = off")
    found |= await _scanned_by(connection, statement) & BESIDE
    await connection.execute("reset enable_seqscan")
    return sorted(found)


async def _scanned_by(connection: "asyncpg.Connection[Any]", statement: Statement) -> set[str]:
    plan = await connection.fetchval(f"explain (format json) {statement.sql}", *statement.parameters)
    return set(_scanned(json.loads(plan)[0]["Plan"], await _first_columns(connection)))


async def _first_columns(connection: "asyncpg.Connection[Any]") -> dict[str, str]:
    """What B-trees are sorted by first; of expressions nothing is said."""
    return dict(await connection.fetch(FIRST_COLUMNS))


def _scanned(node: dict[str, Any], first: dict[str, str]) -> Iterator[str]:
    if "Relation Name" in node and ("Seq Scan" in node["Node Type"] or _is_walk(node, first)):
        yield node["Relation Name"]
    for inner in node.get("Plans", ()):
        yield from _scanned(inner, first)


def _is_walk(node: dict[str, Any], first: dict[str, str]) -> bool:
    """Whether entries of an index are looked for that lie anywhere in it."""
    sought, column = node.get("Index Cond"), first.get(node.get("Index Name", ""))
    return sought is not None and column is not None and re.search(rf"\b{column}\b", sought) is None
