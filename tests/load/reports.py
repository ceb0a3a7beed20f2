"""What the SLA and time reports of a year cost, as the year has more tickets."""

import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Final, cast
from uuid import UUID

import asyncpg

from deploy.local.engines import stack
from services.assignment.app_state import AppState
from services.assignment.main import PACKAGE
from services.assignment.queries.callers import Caller
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
from shared.kit.db import Database, dsn_of, migrate
from tests.load.report import Budget, Report, Table
from tests.load.what_if import ENGINES, settings_of

SIZES: Final = (100_000, 1_000_000)
AGENTS, TEAMS, ROUNDS = 50, 10, 7
MOST_MS, MOST_RATIO = 300.0, 1.5
METHOD = f"""\
Tickets of one year and three verdicts of each (first response, next response, resolution; 2 in 100 corrected), spread
evenly over the year, {TEAMS} teams and {AGENTS} agents, written by SQL into a fresh PostgreSQL with this service's own
migrations. The service's job counts them. Then each report of the whole year is made {ROUNDS} times by the code that
the API calls, beside the year before and with a series; the figure is the median of the seconds on the clock, from the
question until the whole answer is there. The time of counting is that of the first count of everything."""
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


async def run() -> Report:
    """Some minutes, most of them for writing and counting: BENCH_SIZES=1000,100000 leaves the largest out."""
    sizes = [int(size) for size in os.environ.get("BENCH_SIZES", ",".join(map(str, SIZES))).split(",")]
    found: dict[int, dict[str, float]] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="everdesk-bench-") as folder:
            async with stack(Path(folder), only=ENGINES) as engines:
                found[size] = await measure(settings_of(engines), size)
    return _report(found)


async def measure(settings: AssignmentSettings, size: int) -> dict[str, float]:
    """Milliseconds by the report's name, and the seconds of counting."""
    await migrate(settings, PACKAGE)
    database = Database.connect(settings)
    await seed(database, "not-used-by-anybody")
    connection = await asyncpg.connect(dsn_of(settings))
    for statement in FILL:
        await connection.execute(statement, size, TEAMS, AGENTS)
    await connection.execute("vacuum analyze tickets")
    await connection.execute("vacuum analyze verdicts")
    begun = time.perf_counter()
    await count_clocks(cast(AppState, SimpleNamespace(database=database, settings=settings)), utc_now(), timedelta())
    counting = time.perf_counter() - begun
    await connection.execute("vacuum analyze clock_counts")
    await connection.close()
    figures = {"first count of everything, s": counting}
    for name, make in _questions(database).items():
        took = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            await make()
            took.append(1000 * (time.perf_counter() - started))
        figures[name] = statistics.median(took)
        print(f"  {size} tickets, {name}: {figures[name]:.0f} ms", flush=True)
    await database.dispose()
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


def _report(found: dict[int, dict[str, float]]) -> Report:
    report = Report("reports", "Reports of a year", METHOD)
    names = [name for name in next(iter(found.values())) if not name.endswith(", s")]
    rows: list[tuple[str | float, ...]] = [
        (name, *(figures[name] for figures in found.values())) for name in next(iter(found.values()))
    ]
    report.tables = [Table("Milliseconds per report", ("report", *(f"{size} tickets" for size in found)), rows)]
    largest, smallest = max(found), min(found)
    for name in names:
        report.budgets.append(Budget(f"{name}, {largest} tickets, ms", found[largest][name], "<=", MOST_MS))
        ratio = found[largest][name] / found[smallest][name]
        report.budgets.append(Budget(f"{name}, {largest} beside {smallest} tickets", ratio, "<=", MOST_RATIO))
    return report
