"""Whether a database takes writes: as the last transactions found it, and by trying."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

TRIED_EVERY = 5.0
NOT_WRITABLE = ("53100", "58030", "25006")
"""SQLSTATEs: disk full, input or output error, read-only transaction."""
LOG_A_WORD = "select pg_logical_emit_message(true, 'everdesk', '')"
"""The least that makes a commit: one record in the write-ahead log, and in no table."""
FILL_SOME_PAGES = (
    "create temporary table writable_probe as "
    "select md5(random()::text) as content from generate_series(1, 4000) as number"
)
"""Needs new pages on the disk; rolled back, it leaves none behind."""


class DatabaseWritability:
    """What one process knows of its database."""

    def __init__(self) -> None:
        self._is_doubtful = False
        self._tried_at = -TRIED_EVERY

    @contextmanager
    def noticing(self) -> Iterator[None]:
        """Remembers if what happens inside fails for want of space."""
        try:
            yield
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) in NOT_WRITABLE:
                self._is_doubtful = True
            raise

    async def check(self, connection: AsyncConnection) -> None:
        """Raises what the database says if it does not write; asks for a write now and then, and after a failure."""
        if not self._is_doubtful and time.monotonic() - self._tried_at < TRIED_EVERY:
            await connection.execute(text("select 1"))
            return
        if self._is_doubtful:
            await connection.execute(text("begin"))
            try:
                await connection.execute(text(FILL_SOME_PAGES))
            finally:
                await connection.execute(text("rollback"))
        await connection.execute(text(LOG_A_WORD))
        self._is_doubtful = False
        self._tried_at = time.monotonic()
