"""A process knows of its own changes to watched tables once they are committed, and of nothing else."""

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from shared.kit.db import Database
from shared.kit.table_changes import UNWATCHED, on_changes
from shared.kit.tables import inbox, outbox

ROW = {"consumer": "watched", "event_id": "one"}


@pytest.fixture
async def heard(database: Database) -> list[str]:
    """What is told of changes to the inbox."""
    told: list[str] = []
    on_changes(database.engine, [inbox], lambda: told.append("changed"))
    return told


async def test_a_change_is_told_when_its_transaction_has_ended(database: Database, heard: list[str]) -> None:
    async with database.begin() as session:
        await session.execute(insert(inbox).values(ROW))
        assert not heard
    assert heard == ["changed"]
    async with database.single() as connection:
        await connection.execute(update(inbox).values(consumer="seen"))
    assert heard == ["changed", "changed"]


async def test_new_rows_are_not_told_where_they_change_nothing(database: Database) -> None:
    told: list[str] = []
    on_changes(database.engine, [inbox], lambda: told.append("changed"), but_new_in=[inbox])
    row = ROW | {"event_id": "grown"}
    async with database.begin() as session:
        await session.execute(insert(inbox).values(row))
    assert not told
    changing = upsert(inbox).values(row).on_conflict_do_update(index_elements=list(row), set_={"event_id": "other"})
    async with database.begin() as session:
        await session.execute(changing)
    assert told == ["changed"]


async def test_reading_other_tables_and_what_changes_nothing_is_not_told(database: Database, heard: list[str]) -> None:
    row = {"event_id": "one", "subject": "subject", "envelope": b"{}"}
    async with database.begin() as session:
        await session.execute(select(inbox))
        await session.execute(insert(outbox).values(row))
        await session.execute(update(inbox).values(consumer="seen").execution_options(**{UNWATCHED: True}))
    assert heard == []
