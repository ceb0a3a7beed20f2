"""Detects changes of watched tables in this process's transactions, to invalidate caches before answering."""

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Connection, Insert, Table, UpdateBase, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

UNWATCHED = "unwatched"
"""The execution option of a statement that changes nothing of what is remembered."""


def on_changes(
    engine: AsyncEngine, tables: Collection[Table], tell: Callable[[], None], *, but_new_in: Collection[Table] = ()
) -> None:
    """Has `tell` called after each transaction that has changed one of the tables, before its caller goes on.

    Statements in plain text are not looked into. New rows count as changes but for those in `but_new_in`, where they
    change nothing of what is remembered.
    """
    watched, may_grow = frozenset(tables), frozenset(but_new_in)
    mark = object()

    def note(connection: Connection, statement: object, *rest: Any) -> None:
        if not isinstance(statement, UpdateBase) or statement.table not in watched or rest[-1].get(UNWATCHED):
            return
        if statement.table not in may_grow or not _adds_only(statement):
            connection.info[mark] = True

    def ended(_connection: object, record: ConnectionPoolEntry) -> None:
        if record.info.pop(mark, False):
            tell()

    event.listen(engine.sync_engine, "before_execute", note)
    event.listen(engine.sync_engine.pool, "checkin", ended)


def _adds_only(statement: UpdateBase) -> bool:
    """Whether a statement makes new rows and changes none that are there."""
    return isinstance(statement, Insert) and statement._post_values_clause is None
