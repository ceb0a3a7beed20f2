"""What a what-if costs: 100,000 whole tickets judged again under the same rules, stricter ones, and other hours."""

import json
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from deploy.local.engines import Stack, stack
from deploy.local.engines.stack import EngineName
from services.assignment.main import PACKAGE
from services.assignment.queries.administration.policies import PolicyCache
from services.assignment.schemas.what_if import WhatIfInput, WhatIfReport
from services.assignment.seed import seed
from services.assignment.settings import AssignmentSettings
from services.assignment.sla_analysis.what_if import what_if
from shared.contracts.policies import PolicySnapshot
from shared.kit.clock import utc_now
from shared.kit.db import Database, dsn_of, migrate
from tests.load.past_lives import rows_of_lives
from tests.load.report import Budget, Report, Table
from tests.support.settings import common_environment

LIMIT_SECONDS = 60.0
ENGINES: tuple[EngineName, ...] = ("postgres",)
METHOD = """\
Whole tickets written by COPY into a fresh PostgreSQL with this service's own migrations, so that every row is as the
service writes it: 2,000 different lives played through the real rules (opened, triaged, assigned, answered, waiting,
on hold, re-prioritised, resolved, some reopened; times over two years), each as often as needed under its own id. Then
`what_if` reads the facts of all of them and their recorded verdicts and judges every ticket. CPU is that of the judging
process and of its database connection together, which is what one core has to do; seconds are those on the clock."""


@dataclass(frozen=True, slots=True)
class WhatIfRun:
    """One question."""

    name: str
    seconds: float
    cpu: float
    database_cpu: float
    report: WhatIfReport

    @property
    def row(self) -> tuple[str | int | float, ...]:
        """As the table shows it."""
        found = self.report
        rate = found.tickets / (self.cpu + self.database_cpu)
        return (
            self.name,
            self.seconds,
            self.cpu,
            self.database_cpu,
            rate,
            found.verdicts,
            found.differences,
            found.moved,
        )


async def run() -> Report:
    """Some minutes, most of them for writing the tickets."""
    count = int(os.environ.get("BENCH_TICKETS", "100000"))
    with tempfile.TemporaryDirectory(prefix="everdesk-bench-") as folder:
        async with stack(Path(folder), only=ENGINES) as engines:
            settings = settings_of(engines)
            await migrate(settings, PACKAGE)
            database = Database.connect(settings)
            await seed(database, "not-used-by-anybody")
            policy, body, teams = await the_policy(database)
            await database.dispose()
            events = await fill(settings, count, policy, teams)
            print(f"  {count} tickets, {events} events", flush=True)
            runs = [await measure(settings, name, question) for name, question in questions(body).items()]
    return _report(count, events, runs)


def settings_of(engines: Stack) -> AssignmentSettings:
    """The service's settings on these engines."""
    common = {name.removeprefix("EVERDESK_").lower(): value for name, value in common_environment(engines).items()}
    values: dict[str, Any] = {name: common[name] for name in common.keys() & AssignmentSettings.model_fields.keys()}
    return AssignmentSettings(**values, database_url=engines.postgres.url("assignment"))


async def the_policy(database: Database) -> tuple[PolicySnapshot, dict[str, Any], list[Any]]:
    """The seeded policy of office hours, resolved and stored as for a ticket; as the API takes it; and the teams."""
    async with database.begin() as session:
        query = text("select id, body from sla_policies where body->>'name' = 'Office hours' and is_current")
        policy_id, body = (await session.execute(query)).one()
        policy = await PolicyCache().find_current(session, policy_id, utc_now())
        assert policy is not None
        teams = list((await session.execute(text("select id from teams order by id"))).scalars())
    return policy, body, teams


async def fill(settings: AssignmentSettings, count: int, policy: PolicySnapshot, teams: list[Any]) -> int:
    """Writes the tickets; returns how many events they have."""
    connection = await asyncpg.connect(dsn_of(settings))
    events = 0
    try:
        for tables in rows_of_lives(count, policy, teams):
            for table, (columns, rows) in tables.items():
                await connection.copy_records_to_table(table, records=rows, columns=columns)
            events += len(tables["events"][1])
        await connection.execute("vacuum analyze events")
        await connection.execute("vacuum analyze verdicts")
    finally:
        await connection.close()
    return events


def questions(body: dict[str, Any]) -> dict[str, WhatIfInput]:
    """The same rules; half the time; and around the clock."""
    halved = {
        priority: {metric: seconds and seconds // 2 for metric, seconds in targets.items()}
        for priority, targets in body["targets"].items()
    }
    week = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    asked: dict[str, dict[str, Any]] = {
        "the current policy": {"policy": body},
        "targets halved": {"policy": {**body, "targets": halved}},
        "open around the clock": {"policy": body, "calendar": {"timezone": "UTC", "weekly": week}},
    }
    return {name: WhatIfInput.model_validate_json(json.dumps(one)) for name, one in asked.items()}


async def measure(settings: AssignmentSettings, name: str, question: WhatIfInput) -> WhatIfRun:
    """One question asked."""
    engine = create_async_engine(settings.database_url.get_secret_value())
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql("set transaction isolation level repeatable read read only")
            backend = psutil.Process(await backend_of(connection))
            before, started, own = backend.cpu_times(), time.perf_counter(), time.process_time()
            report = await what_if(connection, question)
            seconds, cpu, after = time.perf_counter() - started, time.process_time() - own, backend.cpu_times()
    finally:
        await engine.dispose()
    print(f"  {name}: {seconds:.1f} s, CPU {cpu:.1f} s", flush=True)
    return WhatIfRun(name, seconds, cpu, sum(after[:2]) - sum(before[:2]), report)


async def backend_of(connection: AsyncConnection) -> int:
    """The process that serves a connection."""
    return int((await connection.execute(text("select pg_backend_pid()"))).scalar_one())


def _report(count: int, events: int, runs: list[WhatIfRun]) -> Report:
    report = Report("what_if", "The cost of judging history again", METHOD)
    columns = ("question", "seconds", "CPU s", "database CPU s", "tickets per CPU s", "verdicts", "differ", "moved")
    report.tables = [Table(f"{count} tickets, {events} events", columns, [one.row for one in runs])]
    scaled = 100_000 / count
    report.budgets = [
        Budget(f"CPU s for 100,000 tickets: {one.name}", (one.cpu + one.database_cpu) * scaled, "<", LIMIT_SECONDS)
        for one in runs
    ]
    same = runs[0].report
    wrong = same.differences + same.moved + same.unjudged
    report.budgets.append(Budget("differences under the current policy", wrong, "==", 0))
    return report
