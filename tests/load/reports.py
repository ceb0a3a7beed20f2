"""What the SLA and time reports of a year cost, as the year has more tickets."""

import os
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import astuple, dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Final, cast
from uuid import UUID

import asyncpg

from deploy.local.engines import stack
from deploy.local.engines.postgres import SUPERUSER
from services.assignment.app_state import AppState
from services.assignment.main import PACKAGE
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.periods import Period
from services.assignment.reporting.attainment import get_sla_report
from services.assignment.reporting.clock_counting import count_clocks
from services.assignment.reporting.times import get_times_report
from services.assignment.schemas.activity import ReportInterval
from services.assignment.schemas.reports import GroupBy
from services.assignment.seed import seed
from services.assignment.settings import AssignmentSettings
from shared.contracts.base import AgentId, TeamId
from shared.contracts.vocabulary import Channel, Permission, Scope
from shared.domain.permissions import Grant, Principal
from shared.kit.clock import utc_now
from shared.kit.db import Database, migrate
from tests.load.kept_data import PASSWORD, data_folder, is_filled, mark_filled
from tests.load.meter import CpuMeter
from tests.load.report import Budget, Report, Table
from tests.load.what_if import ENGINES, settings_of
from tests.support.growth.fill import without_indexes

SIZES: Final = (100_000, 1_000_000)
AGENTS, TEAMS, ROUNDS = 50, 10, 7
MOST_MS, MOST_RATIO = 300.0, 1.5
METHOD = f"""\
Tickets of one year and three verdicts of each (first response, next response, resolution; 2 in 100 corrected), spread
evenly over the year, {TEAMS} teams and {AGENTS} agents, written by SQL into a fresh PostgreSQL with this service's own
migrations. The service's job counts them. Then each report of the whole year is made {ROUNDS} times by the code that
the API calls, beside the year before and with a series. The figures are medians: of the time on the clock, from the
question until the whole answer is there, and of the processor time of this process and of PostgreSQL, which stays the
same where others share the machine and is what counts here."""
FILL: Final = (
    """
    insert into tickets (id, number, seq, revision, status, priority, priority_rank, topic_id, channel, team_id,
      assignee_id, next_due_at, is_archived, subject, requester_name, requester_email, created_at, updated_at, snapshot)
    select md5('t' || i)::uuid, 'R' || i, 9, 9, 'closed', (array['low','normal','high','urgent'])[i % 4 + 1], i % 4,
      md5('topic' || i % 20)::uuid, (array['email','portal','api'])[i % 3 + 1], md5('team' || i % $2::int)::uuid,
      md5('agent' || i % $3::int)::uuid, '9999-12-31Z', true, 'Subject', 'Person', 'p' || i % 900 || '@example.org',
      at, at, '{"clocks": []}'
    from (select i, now() - interval '1 day' - i * (interval '364 days' / $1::int) as at
      from generate_series(1, $1::int) as i) as n
    """,
    """
    insert into verdicts (ticket_id, metric, cycle, revision, outcome, elapsed_seconds, target_seconds, started_at,
      settled_at, team_id, agent_id, priority, recorded_at)
    select md5('t' || i)::uuid, metric, 1, revision, case when i % 11 = 0 then 'breached' else 'met' end,
      exp(3 + 9 * random()), 14400, at, at + make_interval(secs => exp(4 + 8 * random())),
      md5('team' || i % $2::int)::uuid, md5('agent' || i % $3::int)::uuid,
      (array['low','normal','high','urgent'])[i % 4 + 1], at + interval '1 hour'
    from (select i, now() - interval '1 day' - i * (interval '364 days' / $1::int) as at
      from generate_series($1::int, 1, -1) as i) as n
    cross join unnest(array['first_response', 'next_response', 'resolution']) as metric
    cross join generate_series(1, 2) as revision where revision = 1 or i % 50 = 0
    """,
)


@dataclass(frozen=True, slots=True)
class ReportCost:
    """What one report takes, in milliseconds."""

    clock: float
    own: float
    """The processor time of this process."""
    stored: float
    """And that of PostgreSQL, by the hundredth of a second."""

    @property
    def cpu(self) -> float:
        """Of both."""
        return self.own + self.stored


async def run() -> Report:
    """Some minutes, most of them for writing and counting: BENCH_SIZES=1000,100000 leaves the largest out."""
    sizes = [int(size) for size in os.environ.get("BENCH_SIZES", ",".join(map(str, SIZES))).split(",")]
    found: dict[int, dict[str, ReportCost]] = {}
    for size in sizes:
        with data_folder(f"reports-{size}") as folder:
            async with stack(folder, only=ENGINES, superuser_password=PASSWORD) as engines:
                settings = settings_of(engines)
                database = Database.connect(settings)
                if not is_filled(folder):
                    await _fill(
                        settings, database, engines.postgres.url(SUPERUSER, "assignment", driver="postgresql"), size
                    )
                    mark_filled(folder)
                found[size] = await measure(database, CpuMeter({"postgres": engines.pid("postgres")}), size)
                await database.dispose()
    return _report(found)


async def _fill(settings: AssignmentSettings, database: Database, owner: str, size: int) -> None:
    """Indexes are built after the rows; then the service's job counts the verdicts."""
    await migrate(settings, PACKAGE)
    await seed(database, "not-used-by-anybody")
    connection = await asyncpg.connect(owner)
    async with without_indexes(connection, ["tickets", "verdicts"]):
        for statement in FILL:
            await connection.execute(statement, size, TEAMS, AGENTS)
    await connection.execute("vacuum analyze")
    begun = time.perf_counter()
    await count_clocks(cast(AppState, SimpleNamespace(database=database, settings=settings)), utc_now(), timedelta())
    print(f"  {size} tickets counted for the first time in {time.perf_counter() - begun:.0f} s", flush=True)
    await connection.execute("vacuum analyze clock_counts")
    await connection.close()


async def measure(database: Database, postgres: CpuMeter, size: int) -> dict[str, ReportCost]:
    """What each report takes, by its name."""
    figures = {}
    for name, make in _questions(database).items():
        runs = []
        for _ in range(ROUNDS):
            postgres.restart()
            began, started = time.process_time(), time.perf_counter()
            await make()
            took, own = time.perf_counter() - started, time.process_time() - began
            runs.append((1000 * took, 1000 * own, postgres.read()["postgres"]))
        figures[name] = ReportCost(*(statistics.median(column) for column in zip(*runs, strict=True)))
        print(f"  {size} tickets, {name}: {figures[name]}", flush=True)
    return figures


def _questions(database: Database) -> dict[str, Callable[[], Awaitable[None]]]:
    grant = (Grant(TeamId(UUID(int=2)), Scope.ALL, frozenset(Permission)),)
    caller = Caller(Principal(AgentId(UUID(int=1)), grant), "lead@everdesk.example", "Lead", Channel.DESK, b"")

    def year() -> Period:
        now = utc_now()
        return Period(now - timedelta(days=365), now)

    def sla(group_by: GroupBy, interval: ReportInterval) -> Callable[[], Awaitable[None]]:
        async def make() -> None:
            async with database.begin() as session:
                report = await get_sla_report(session, caller, year(), group_by, interval)
            assert report.precision == "bucketed"

        return make

    def times(group_by: GroupBy) -> Callable[[], Awaitable[None]]:
        async def make() -> None:
            async with database.begin() as session:
                await get_times_report(session, caller, year(), group_by)

        return make

    return {
        "attainment by team, per month": sla(GroupBy.TEAM, ReportInterval.MONTH),
        "attainment by agent, per week": sla(GroupBy.AGENT, ReportInterval.WEEK),
        "times by team": times(GroupBy.TEAM),
        "times by priority": times(GroupBy.PRIORITY),
    }


def _report(found: dict[int, dict[str, ReportCost]]) -> Report:
    report = Report("reports", "Reports of a year", METHOD)
    names = list(next(iter(found.values())))
    kinds = ("on the clock", "of the process", "of PostgreSQL")
    columns = ("report", *(f"{size:,} tickets, {kind}" for size in found for kind in kinds))
    rows: list[tuple[str | float, ...]] = [
        (name, *(part for figures in found.values() for part in astuple(figures[name]))) for name in names
    ]
    report.tables = [Table("Milliseconds per report, medians", columns, rows)]
    largest, smallest = max(found), min(found)
    for name in names:
        cpu = {size: found[size][name].cpu for size in (largest, smallest)}
        report.budgets.append(Budget(f"{name}, {largest:,} tickets, ms of CPU", cpu[largest], "<=", MOST_MS))
        ratio = cpu[largest] / cpu[smallest]
        report.budgets.append(Budget(f"{name}, {largest:,} beside {smallest:,} tickets", ratio, "<=", MOST_RATIO))
    return report
