"""No statement on a request's or an event's path, and none of a recurring job, reads a table that holds the past."""

from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest
from sqlalchemy import func, select, text

from deploy.local.plan import SERVICES
from services.assignment.models import RequesterAddress, RequesterRecord, Ticket
from services.assignment.queries.access.visibility import visible_to
from services.assignment.queries.lists import COLUMNS, WORKING, Filters, QueueView, Sort, TimeSpan, list_tickets
from services.assignment.queries.people.requester_lists import list_requesters
from services.assignment.queries.people.requesters import may_see
from shared.contracts.vocabulary import Status
from shared.kit.clock import utc_now
from tests.support.growth.assignment_paths import NARROWED, callers
from tests.support.growth.databases import Past, past
from tests.support.growth.page_counts import Cost, Counter, counter
from tests.support.growth.query_plans import Path, Statement, listening, scans
from tests.support.memory_disk import data_folder
from tests.support.migrated_engines import SUPERUSER_PASSWORD, lay_migrated

FEW = 1_000
CLOSED = 20_000
FEW_PAGES = 150
IN_TEST = (
    "SLA report of 30 days, everything",
    "list, everything, all, by created_at",
    "list, everything, status closed, by -updated_at",
    "list, own and a team, all, by -due_at",
    "list, everything, tagged as many are, by -updated_at",
    "list, two teams, of a topic nobody uses, by -updated_at",
    "list, everything, two letters, by created_at",
    "list, everything, a word that is nowhere, by -updated_at",
)
"""One of each kind; the bench of growth counts them all."""
ONE_LEVEL_MORE = 2
"""A B-tree of one page gets a second level; what reads the past would read twenty times as many."""
FOR_EACH = "select assignee_id, count(*) filter (where status <> 'closed') from tickets group by assignee_id"


@pytest.fixture(scope="module")
async def grown(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> AsyncIterator[Past]:
    """Twenty thousand closed tickets, and a few that are worked on; what the paths cost before is known."""
    with data_folder(tmp_path_factory, "past") as folder:
        await lay_migrated(tmp_path_factory, pytestconfig, folder / "engines", *SERVICES)
        async with past(folder, is_counted=True, password=SUPERUSER_PASSWORD) as one:
            await one.grow(FEW, 200)
            one.before = await pages_of(one)
            await one.grow(CLOSED)
            yield one


async def pages_of(grown: Past) -> dict[str, int]:
    """The pages that some paths touch, plans and caches warm."""
    async with counter(grown.owners["assignment"]) as counting:
        return {path.name: await _pages(counting, path) for path in grown.paths["assignment"] if path.name in IN_TEST}


async def _pages(counting: Counter, path: Path) -> int:
    counting.forget()
    return min([(await counting.cost("assignment", path.run)).pages for _ in range(3)])


async def test_no_path_touches_more_pages_because_of_closed_tickets(grown: Past) -> None:
    after = await pages_of(grown)
    assert set(after) == set(IN_TEST)
    grew = {name: (grown.before[name], after[name]) for name in after}
    assert not {name: two for name, two in grew.items() if two[1] > ONE_LEVEL_MORE * (two[0] + 100)}


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


@pytest.mark.parametrize("service", ["intake", "notification"])
async def test_a_statement_that_was_run_often_touches_no_more_pages(grown: Past, service: str) -> None:
    """From the sixth time on it may be planned for any parameters."""
    async with counter(grown.owners[service]) as counting:
        for path in grown.paths[service]:
            pages = [(await counting.cost(service, path.run)).pages for _ in range(8)]
            assert max(pages) <= 2 * pages[0] + FEW_PAGES, path.name


async def test_counting_is_no_path_s_cost(grown: Past) -> None:
    async def idle() -> None:
        """Asks nothing."""

    async with counter(grown.owners["assignment"]) as counting:
        costs = [await counting.cost("assignment", idle) for _ in range(3)]
    assert costs == [Cost(0, 0.0)] * 3


async def test_a_statement_that_reads_everything_is_found(grown: Past) -> None:
    connection = await asyncpg.connect(grown.dsns["assignment"])
    try:
        assert await scans(connection, Statement(FOR_EACH, ())) == ["tickets"]
        async with connection.transaction():
            await connection.execute("drop index ix_tickets_assignee_id_assigned_at")
            await connection.execute("drop index if exists ix_tickets_over_assignee_id_status_updated_at")
            assert await scans(connection, Statement("select id from tickets where subject = $1", ("x",))) == [
                "tickets"
            ]
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "name",
    [
        *("closed and unassigned", "urgent", "urgent, closed", "low, resolved", "unassigned"),
        *("tagged as many are", "tagged as few are"),
    ],
)
@pytest.mark.parametrize("scope", ["everything", "two teams", "own and a team"])
async def test_a_list_holds_what_its_filters_say(grown: Past, scope: str, name: str) -> None:
    caller = callers(grown.teams, grown.agents[0])[scope]
    filters = NARROWED.get(name) or Filters(QueueView.UNASSIGNED)
    wanted = [visible_to(caller.principal), Ticket.status.in_(filters.status or _statuses(filters))]
    if filters.priority:
        wanted.append(Ticket.priority.in_(filters.priority))
    if filters.tag:
        wanted.append(Ticket.tags.contains([filters.tag]))
    if filters.assignee or filters.view is QueueView.UNASSIGNED:
        wanted.append(Ticket.assignee_id.is_(None))
    async with grown.databases["assignment"].begin() as session:
        for sort in Sort:
            column = COLUMNS[sort.lstrip("-")]
            order = (column.desc(), Ticket.id.desc()) if sort.startswith("-") else (column, Ticket.id)
            expected = list(await session.scalars(select(Ticket.id).where(*wanted).order_by(*order).limit(30)))
            page = await list_tickets(session, caller, filters, sort, TimeSpan(20, None, utc_now()))
            more = page.next_cursor and await list_tickets(
                session, caller, filters, sort, TimeSpan(10, page.next_cursor, utc_now())
            )
            found = [one.id for one in (*page.items, *(more.items if more else ()))]
            assert found == expected, sort


def _statuses(filters: Filters) -> Sequence[Status]:
    return WORKING if filters.view is QueueView.UNASSIGNED else tuple(Status)


@pytest.mark.parametrize("words", ["", "a", "caller", "person1", "nowhere"])
@pytest.mark.parametrize("scope", ["everything", "two teams", "own and a team"])
async def test_a_list_of_requesters_ends_early_and_leaves_out_nobody(grown: Past, scope: str, words: str) -> None:
    caller = callers(grown.teams, grown.agents[0])[scope]
    bears = RequesterRecord.name.icontains(words) | RequesterRecord.id.in_(
        select(RequesterAddress.requester_id).where(RequesterAddress.email.icontains(words))
    )
    wanted = select(RequesterRecord.id).where(bears, may_see(caller.principal))
    async with grown.databases["assignment"].begin() as session:
        expected = list(await session.scalars(wanted.order_by(func.lower(RequesterRecord.name), RequesterRecord.id)))
        found, cursor = [], None
        while True:
            page = await list_requesters(session, caller, words, 200, cursor)
            found += [one.id for one in page.items]
            if (cursor := page.next_cursor) is None:
                break
    assert found == expected
    assert (words == "nowhere") == (not found)


PLANNED_FOR_ANY_WORDS = """
select sum(generic_plans) from pg_prepared_statements
where statement ~ '^SELECT (requesters.id|requester_addresses.requester_id) .* LIKE '
"""


async def test_words_are_sought_by_a_plan_of_their_own_however_often(grown: Past) -> None:
    caller = callers(grown.teams, grown.agents[0])["everything"]
    async with grown.databases["assignment"].begin() as session:
        for _ in range(8):
            await list_requesters(session, caller, "caller", 25, None)
        assert await session.scalar(text(PLANNED_FOR_ANY_WORDS)) == 0


@pytest.mark.parametrize(
    ("search", "numbers"),
    [
        ("#G-77", {"G-77"}),
        ("G-77", {"G-77"}),
        ("zeppelin", {"G3", "G4"}),
        ("zeppelin -fire", set()),
        ("zeppelin -xylophone", {"G3", "G4"}),
        ("zeppelin -G4", {"G3"}),
        ("zeppelin fire", {"G3", "G4"}),
        ("printer -printer", set()),
    ],
)
async def test_a_search_finds_what_has_all_its_words_and_none_that_it_excludes(
    grown: Past, search: str, numbers: set[str]
) -> None:
    caller = callers(grown.teams, grown.agents[0])["everything"]
    filters = Filters(QueueView.ALL, q=search)
    async with grown.databases["assignment"].begin() as session:
        page = await list_tickets(session, caller, filters, Sort.UPDATED_LAST, TimeSpan(25, None, utc_now()))
    assert {one.number for one in page.items} == numbers


RARE = """
update tickets set priority = 'high', priority_rank = 2 where status in ('closed', 'resolved') and priority_rank = 3;
update tickets set assignee_id = $1 where status in ('closed', 'resolved') and assignee_id is null;
vacuum analyze tickets
"""


async def test_what_is_rare_among_the_closed_is_found_without_reading_them(grown: Past) -> None:
    connection = await asyncpg.connect(grown.owners["assignment"])
    for statement in RARE.split(";"):
        await connection.execute(statement, *([grown.agents[1]] if "$1" in statement else []))
    await connection.close()
    async with counter(grown.owners["assignment"]) as counting:
        for path in grown.paths["assignment"]:
            if any(f", {name}, by " in path.name for name in ("closed and unassigned", "urgent, closed")):
                assert await _pages(counting, path) < FEW_PAGES, path.name
