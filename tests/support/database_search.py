"""Looks for words in everything a database holds: every row of every table, whatever its columns are."""

import base64
from collections.abc import Iterable, Iterator

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

TABLES = "select tablename from pg_tables where schemaname = 'public' order by tablename"

NAMING = """
select line from (select t::text as line, lower(t::text) as folded from "{table}" as t offset 0) as lines
where exists (select from unnest(cast(:patterns as text[])) as one where position(one in folded) > 0)
"""
"""`offset 0` keeps PostgreSQL from folding each row once more for every pattern, which takes three times as long."""


def disguises(word: str) -> Iterator[str]:
    """The word as it reads in text, in a byte column, and inside base64 at each of the three alignments."""
    raw = word.encode()
    yield word.lower()
    yield raw.hex()
    for before in range(3):
        encoded = base64.urlsafe_b64encode(bytes(before) + raw).decode().rstrip("=")
        yield encoded[(before * 8 + 5) // 6 : -1].lower()


async def tables_naming(engine: AsyncEngine, words: Iterable[str]) -> dict[str, list[str]]:
    """The tables in which one of the words is found, with the beginnings of the rows."""
    patterns = [disguise for word in words for disguise in disguises(word)]
    found: dict[str, list[str]] = {}
    async with engine.connect() as connection:
        for table in (await connection.scalars(text(TABLES))).all():
            query = text(NAMING.format(table=table))
            lines = (await connection.scalars(query, {"patterns": patterns})).all()
            if lines:
                found[table] = [line[:300] for line in lines[:3]]
    return found
