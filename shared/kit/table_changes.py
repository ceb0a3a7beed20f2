"""Says when this process has changed one of some tables, so that it never answers from what it remembered before."""

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Connection, Table, UpdateBase, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

UNWATCHED = "unwatched"
"""The execution option of a statement that changes nothing of what is remembered."""


def on_changes(engine: AsyncEngine, tables: Collection[Table], tell: Callable[[], None]) -> None:
    """Has `tell` called after each transaction that has changed one of the tables, before its caller goes on.

    Statements in plain text are not looked into, and new rows in `tables` count as changes.
    """
    watched = frozenset(tables)
    mark = object()

    def note(connection: Connection, statement: object, *rest: Any) -> None:
        if isinstance(statement, UpdateBase) and statement.table in watched and not rest[-1].get(UNWATCHED):
            connection.info[mark] = True

    def ended(_connection: object, record: ConnectionPoolEntry) -> None:
        if record.info.pop(mark, False):
            tell()

    event.listen(engine.sync_engine, "before_execute", note)
    event.listen(engine.sync_engine.pool, "checkin", ended)
