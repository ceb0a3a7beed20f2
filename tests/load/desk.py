"""What the queue costs with ever more tickets, a tenth of them open: pages, views, orders, searches, lists in JSON."""

import gzip
import os
import re
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import cast
from uuid import UUID

import httpx2
from fastapi import FastAPI
from sqlalchemy import text

from deploy.local.engines import stack
from deploy.local.engines.postgres import SUPERUSER
from services.assignment.app import build
from services.assignment.models import Session
from services.assignment.queries.access.caller_cache import CallerCache
from services.assignment.queries.lists import QueueView, Sort
from services.assignment.seed import seed
from services.assignment.settings import AssignmentSettings
from services.assignment.web.page_base import SESSION_COOKIE
from shared.kit.auth import FileLinks, digest_of, new_token
from shared.kit.clock import utc_now
from shared.kit.db import Database, dsn_of, migrate
from shared.kit.garbage import tune_gc
from shared.kit.processes import background
from tests.load.assignment_state import assignment_state
from tests.load.kept_data import PASSWORD, data_folder, is_filled, mark_filled
from tests.load.meter import CpuMeter
from tests.load.report import Budget, Cell, Report, Table
from tests.support.growth.databases import ENGINES, settings_of
from tests.support.growth.fill import fill, long_thread

SIZES = (1_000, 100_000, 1_000_000)
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "20"))
OPEN_SHARE = 10
"""One ticket in so many is worked on."""
LIMIT_MS, LIMIT_RATIO, LIMIT_CPU_MS, LIMIT_KB, LIMIT_LONG = 25.0, 1.5, 6.0, 20.0, 1.1
FLOOR_MS = 5.0
"""Differences below this say more about the machine than about the page."""
METHOD = f"""\
The service's application, called without a network, over a database that its own migrations made and SQL filled: one
ticket in {OPEN_SHARE} is worked on. Sessions are remembered as in the service, which hears of their changes. Each page
is asked for {ROUNDS} times after two to warm up; the time is that of the whole answer, session, counts and HTML
included, and the 95th percentile counts. CPU is the processor time of one answer, that of this process and of
PostgreSQL's: it stays the same where others share the machine. A ratio is the CPU with the most tickets to that with
the fewest whose page shows as many of them (of 1,000 tickets a dozen are overdue), {FLOOR_MS:g} ms added to both."""
TICKET_LINK = re.compile(r"/tickets/[A-Z]-?\d+")
IN_JSON = "list of 25 in JSON"
SHORT_THREAD, LONG_THREAD = "a ticket that is worked on, 50 entries", "a ticket of 5,000 entries"
SEARCHES = {
    "a frequent word": "printer",
    "a rare word": "zeppelin",
    "a phrase": '"on fire"',
    "an exclusion": "printer -fire",
    "a beginning": "zepp*",
    "a number": "#G77",
    "tokens": "is:open priority:urgent due:<9w",
    "a word that is nowhere": "xylophone",
    "a rare word and a frequent one": "zeppelin printer",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What one page took, in milliseconds."""

    times: Sequence[float]
    own: float
    """The processor time of this process for one answer."""
    stored: float
    """And that of PostgreSQL."""
    shown: int
    """How many tickets the page links to."""

    @property
    def cpu(self) -> float:
        """Of both."""
        return self.own + self.stored


Measured = dict[str, Taken]


@dataclass(slots=True)
class Client:
    """An agent at the application."""

    http: httpx2.AsyncClient
    token: str

    async def ask(self, path: str) -> str:
        """One page, whole."""
        answer = await self.http.get(
            path, headers={"Cookie": f"{SESSION_COOKIE}={self.token}", "Authorization": f"Bearer {self.token}"}
        )
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
        return answer.text


async def run() -> Report:
    """Some minutes, most for writing the tickets: BENCH_SIZES=1000,100000 leaves the largest out."""
    sizes = [int(size) for size in os.environ.get("BENCH_SIZES", ",".join(map(str, SIZES))).split(",")]
    report = Report("desk", "What the queue costs", METHOD)
    taken: list[Measured] = []
    sent: list[float] = []
    for size in sizes:
        with data_folder(f"desk-{size}") as folder:
            async with stack(folder / "engines", only=ENGINES, superuser_password=PASSWORD) as engines:
                settings = cast("AssignmentSettings", settings_of(engines, folder, "assignment"))
                database = Database.connect(settings)
                await migrate(settings, "services.assignment")
                if not is_filled(folder):
                    await _fill(
                        settings, database, engines.postgres.url(SUPERUSER, "assignment", driver="postgresql"), size
                    )
                    mark_filled(folder)
                postgres = CpuMeter({"postgres": engines.pid("postgres")})
                app, callers = _app(settings, database)
                async with background({"access": callers.run}):
                    client = Client(_http(app), await _token(database))
                    taken.append({name: await _taken(client.ask, path, postgres) for name, path in paths().items()})
                    sent.append(len(gzip.compress((await client.ask("/queue?view=all")).encode())) / 1000)
                await database.dispose()
    report.tables = [_table(sizes, taken)]
    report.budgets = list(_budgets(sizes, taken))
    report.budgets.append(Budget("kB of the queue's HTML, compressed, the most", max(sent), "<=", LIMIT_KB))
    return report


def paths() -> dict[str, str]:
    """Every view in every order, the searches, and a ticket's page."""
    views = {f"queue, {view}, by {sort}": f"/queue?view={view}&sort={sort}" for view, sort in product(QueueView, Sort)}
    searches = {
        f"search, {name}": f"/queue?view=all&q={httpx2.URL('', params={'q': q}).query.decode()[2:]}"
        for name, q in SEARCHES.items()
    }
    others = {
        SHORT_THREAD: "/tickets/G-6",
        LONG_THREAD: "/tickets/G-7",
        "a ticket that is over": "/tickets/G77",
        IN_JSON: "/v1/tickets?limit=25&view=all&sort=due_at",
    }
    return views | searches | others


async def _fill(settings: AssignmentSettings, database: Database, owner: str, size: int) -> None:
    await seed(database, None)
    async with database.single() as connection:
        teams = list((await connection.execute(text("select id from teams order by name"))).scalars())
        agents = list((await connection.execute(text("select id from agents order by name"))).scalars())
    working = size // OPEN_SHARE
    await fill(owner, "assignment", (-working, size - working), teams, agents)
    await long_thread(owner, "G-6", 50)
    await long_thread(owner, "G-7", 5_000)
    print(f"  {size:,} tickets", flush=True)


def _app(settings: AssignmentSettings, database: Database) -> tuple[FastAPI, CallerCache]:
    app: FastAPI = build(settings)
    callers = CallerCache(database, dsn_of(settings), settings.session_idle)
    app.state.app_state = assignment_state(
        settings=settings, database=database, callers=callers, file_links=FileLinks(settings)
    )
    tune_gc()  # as the service does once it is built
    return app, callers


def _http(app: FastAPI) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://desk.example", timeout=60)


async def _token(database: Database) -> str:
    token, now = new_token(), utc_now()
    async with database.begin() as session:
        ada: UUID | None = await session.scalar(text("select id from agents where email like 'ada@%'"))
        assert ada
        expires_at = now.replace(year=now.year + 1)
        session.add(
            Session(digest=digest_of(token), agent_id=ada, created_at=now, last_seen_at=now, expires_at=expires_at)
        )
    return token


async def _taken(ask: Callable[[str], Awaitable[str]], path: str, postgres: CpuMeter) -> Taken:
    await ask(path)
    shown = len(set(TICKET_LINK.findall(await ask(path))))
    times: list[float] = []
    postgres.restart()
    began = time.process_time()
    for _ in range(ROUNDS):
        started = time.perf_counter()
        await ask(path)
        times.append((time.perf_counter() - started) * 1000)
    own = (time.process_time() - began) * 1000
    return Taken(times, own / ROUNDS, postgres.read()["postgres"] / ROUNDS, shown)


def p95(times: Sequence[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(times, n=20)[-1]


def _ratio(name: str, taken: Sequence[Measured]) -> float:
    largest = taken[-1][name]
    smallest = next(one[name] for one in taken if one[name].shown >= largest.shown)
    return (largest.cpu + FLOOR_MS) / (smallest.cpu + FLOOR_MS)


def _table(sizes: Sequence[int], taken: Sequence[Measured]) -> Table:
    columns = (
        "page",
        *(f"p95 ms, {size:,} tickets" for size in sizes),
        *(f"CPU ms, {size:,}" for size in sizes),
        "ratio of CPU",
    )
    rows: list[list[Cell]] = [
        [name, *(p95(one[name].times) for one in taken), *(one[name].cpu for one in taken), _ratio(name, taken)]
        for name in taken[0]
    ]
    return Table("Server time", columns, rows)


def _budgets(sizes: Sequence[int], taken: Sequence[Measured]) -> Iterator[Budget]:
    judged = {name: p95(one.times) for name, one in taken[min(1, len(taken) - 1)].items()}
    worst = max(judged, key=lambda name: judged[name])
    yield Budget(f"p95 ms at {sizes[min(1, len(sizes) - 1)]:,}, the slowest: {worst}", judged[worst], "<=", LIMIT_MS)
    costs = {name: one.cpu for name, one in taken[min(1, len(taken) - 1)].items()}
    dearest = max(costs, key=lambda name: costs[name])
    yield Budget(f"CPU ms at the same size, the dearest: {dearest}", costs[dearest], "<=", LIMIT_MS)
    steepest = max(taken[0], key=lambda name: _ratio(name, taken))
    yield Budget(
        f"ratio of the largest to the smallest, the steepest: {steepest}", _ratio(steepest, taken), "<=", LIMIT_RATIO
    )
    longer = max((one[LONG_THREAD].cpu + FLOOR_MS) / (one[SHORT_THREAD].cpu + FLOOR_MS) for one in taken)
    yield Budget("a ticket's page with 5,000 entries to one with 50, CPU", longer, "<=", LIMIT_LONG)
    yield Budget(
        "CPU ms of the process for a list of 25 in JSON, the most",
        max(one[IN_JSON].own for one in taken),
        "<=",
        LIMIT_CPU_MS,
    )
