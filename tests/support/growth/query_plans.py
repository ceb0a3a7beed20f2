"""A path, and what its statements would do: taken from the running code and explained by the database."""

import json
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
        *("side_conversations", "side_messages", "recipient_addresses", "mail_preferences"),
        *("alerts", "incident_children", "feed_events", "feed_tickets", "csat_asks", "webhook_deliveries"),
    }
)
"""Tables that grow too, and are so small in a test that the planner may well read them whole: it must not have to."""
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
    """The guarded tables that a statement would read from one end to the other, and others that it has to."""
    if not statement.sql.lstrip(" \n(").lower().startswith(EXPLAINED):
        return []
    found = await _scanned_by(connection, statement) & GUARDED
    await connection.execute("set enable_seqscan = off")
    found |= await _scanned_by(connection, statement) & BESIDE
    await connection.execute("reset enable_seqscan")
    return sorted(found)


async def _scanned_by(connection: "asyncpg.Connection[Any]", statement: Statement) -> set[str]:
    plan = await connection.fetchval(f"explain (format json) {statement.sql}", *statement.parameters)
    return set(_scanned(json.loads(plan)[0]["Plan"]))


def _scanned(node: dict[str, Any]) -> Iterator[str]:
    if "Seq Scan" in node["Node Type"] and "Relation Name" in node:
        yield node["Relation Name"]
    for inner in node.get("Plans", ()):
        yield from _scanned(inner)
