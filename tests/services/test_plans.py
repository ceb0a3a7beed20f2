"""No statement on a request's or an event's path, and none of a recurring job, reads a table that holds the past."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.support.growth.measured import Statement, listening, scans
from tests.support.growth.past import Past, past
from tests.support.memory_disk import data_folder

CLOSED = 20_000
FOR_EACH = "select assignee_id, count(*) filter (where status <> 'closed') from tickets group by assignee_id"


@pytest.fixture(scope="module")
async def grown(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Past]:
    """Twenty thousand closed tickets, and a few that are worked on."""
    with data_folder(tmp_path_factory, "past") as folder:
        async with past(folder) as one:
            await one.grow(CLOSED, 200)
            yield one


@pytest.mark.parametrize("service", ["assignment", "intake", "notification"])
async def test_every_statement_uses_an_index(grown: Past, service: str) -> None:
    connection = await asyncpg.connect(grown.dsns[service])
    found: list[str] = []
    try:
        for path in grown.paths[service]:
            with listening(grown.databases[service]) as heard:
                await path.run()
            assert heard, f"{path.name} asks nothing"
            found += [
                f"{path.name}: {', '.join(tables)}: {one.sql}"
                for one in heard
                if (tables := await scans(connection, one))
            ]
    finally:
        await connection.close()
    assert not found, "\n\n".join(found)


async def test_a_statement_that_reads_everything_is_found(grown: Past) -> None:
    connection = await asyncpg.connect(grown.dsns["assignment"])
    try:
        assert await scans(connection, Statement(FOR_EACH, ())) == ["tickets"]
        async with connection.transaction():
            await connection.execute("drop index ix_tickets_open_assignee_id, ix_tickets_assignee_id_assigned_at")
            await connection.execute("drop index if exists ix_tickets_over_assignee_id_status_updated_at")
            assert await scans(connection, Statement("select id from tickets where subject = $1", ("x",))) == [
                "tickets"
            ]
    finally:
        await connection.close()
