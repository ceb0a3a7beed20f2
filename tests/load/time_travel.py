"""What the past costs: a ticket of a thousand events, lists and reports of an instant, a rebuild of the read model."""

import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import psutil
from sqlalchemy import select, text

from deploy.local.engines import stack
from services.assignment.consumers.projection import project
from services.assignment.main import PACKAGE
from services.assignment.models import Agent
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.lists import Filters, QueueView, Sort, TimeSpan, list_tickets
from services.assignment.queries.time_travel.open_tickets import OpenAt
from services.assignment.queries.time_travel.snapshots import get_past_view
from services.assignment.read_model.reconcile import reconcile
from services.assignment.reporting.open_tickets import get_backlog_report
from services.assignment.schemas.activity import Dimension
from services.assignment.seed import seed
from shared.contracts.commands import PrioritiseTicket
from shared.contracts.vocabulary import Priority, Status
from shared.kit.clock import utc_now
from shared.kit.db import Database, migrate
from shared.kit.requester_ids import RequesterIds
from tests.load.past_lives import BEGIN, DAYS
from tests.load.report import Budget, Report, Table
from tests.load.what_if import ENGINES, fill, settings_of, the_policy
from tests.support.growth.assignment_paths import callers
from tests.support.scripted_ticket import ScriptedTicket

AS_OF_MS = 100.0
EVENTS_PER_SECOND = 2_000.0
EVENTS = 1_000
ROUNDS = 30
LISTS = {
    "list, worked on then, by due": (Filters(QueueView.TEAM, status=(Status.OPEN, Status.PENDING)), Sort.DUE),
    "list, everything, by -updated_at": (Filters(), Sort.UPDATED_LAST),
    "list, resolved then, by priority": (Filters(status=(Status.RESOLVED,)), Sort.PRIORITY),
}
METHOD = f"""\
Whole tickets over two years, as the bench `what_if` writes them, in a fresh PostgreSQL, and one ticket of {EVENTS}
events. Each reading is the function that the API calls, at {ROUNDS} instants spread over those two years; milliseconds
on the clock, the median and the slowest. The rebuild (`everdesk read-model rebuild --check`, then without `--check`)
goes through all of them; CPU is that of this process and of its database connections together: what one core has to do.
"""


async def run() -> Report:
    """Some minutes, most of them for writing the tickets."""
    count = int(os.environ.get("BENCH_TICKETS", "20000"))
    with tempfile.TemporaryDirectory(prefix="everdesk-bench-") as folder:
        async with stack(Path(folder), only=ENGINES) as engines:
            settings = settings_of(engines)
            await migrate(settings, PACKAGE)
            database = Database.connect(settings)
            try:
                await seed(database, "not-used-by-anybody")
                policy, _, teams = await the_policy(database)
                events = await fill(settings, count, policy, teams)
                long_one = await long_ticket(database, RequesterIds(settings), teams[0])
                async with database.begin() as session:
                    await session.execute(text("analyze tickets"))
                    agent = await session.scalar(select(Agent.id).order_by(Agent.email).limit(1))
                caller = next(iter(callers(teams, agent or teams[0]).values()))
                rows = await reading_times(database, caller, long_one)
                rebuilds = [await rebuild(database, is_check=is_check) for is_check in (True, False)]
            finally:
                await database.dispose()
    slowest = max(float(row[2]) for row in rows[:1])
    rate = min(float(row[-1]) for row in rebuilds)
    return Report(
        "time_travel",
        "What the past costs",
        METHOD,
        tables=[
            Table(
                f"Reading the past among {count:,} tickets ({events:,} events)",
                ("what", "median ms", "slowest ms"),
                rows,
            ),
            Table(
                "Rebuilding the read model",
                ("run", "events", "seconds", "CPU s", "differences", "events/CPU s"),
                rebuilds,
            ),
        ],
        budgets=[
            Budget(f"as_of of a ticket with {EVENTS} events, slowest, ms", slowest, "<=", AS_OF_MS),
            Budget("rebuild, events per second of one core", rate, ">=", EVENTS_PER_SECOND),
        ],
    )


async def long_ticket(database: Database, ids: RequesterIds, team: UUID) -> tuple[UUID, datetime]:
    """A ticket with so many events, an hour apart, and its opening."""
    life = ScriptedTicket(at=utc_now() - timedelta(days=90), team_id=team)
    hours = 0
    while len(life.ticket.events) < EVENTS:
        hours += 1
        priority = Priority.HIGH if hours % 2 else Priority.LOW
        life.do(PrioritiseTicket, timedelta(hours=hours), priority=priority)
    for start in range(0, len(life.log), 200):
        await project(database, ids, "bench", life.log[start : start + 200])
    return life.ticket.state.ticket_id, life.opened_at


async def reading_times(database: Database, caller: Caller, long_one: tuple[UUID, datetime]) -> list[tuple[Any, ...]]:
    """The times of all readings."""
    ticket_id, opened_at = long_one
    spread = [opened_at + (utc_now() - opened_at) * nth / ROUNDS for nth in range(1, ROUNDS)]
    instants = [BEGIN + timedelta(days=DAYS) * nth / ROUNDS for nth in range(1, ROUNDS)]

    async def one(at: datetime) -> None:
        async with database.begin() as session:
            await get_past_view(session, caller, str(ticket_id), at)

    async def backlog(at: datetime) -> None:
        async with database.begin() as session:
            await get_backlog_report(session, caller, None, Dimension.TEAM, OpenAt.of(at))

    def listing(filters: Filters, sort: Sort) -> Callable[[datetime], Awaitable[None]]:
        async def page(at: datetime) -> None:
            async with database.begin() as session:
                await list_tickets(session, caller, filters, sort, TimeSpan(25, None, utc_now(), at))

        return page

    rows = [(f"ticket of {EVENTS} events", *await timed(one, spread))]
    rows += [(name, *await timed(listing(filters, sort), instants)) for name, (filters, sort) in LISTS.items()]
    return [*rows, ("backlog report", *await timed(backlog, instants))]


async def timed(read: Callable[[datetime], Awaitable[None]], instants: list[datetime]) -> tuple[float, float]:
    """Median and slowest, in milliseconds; the first is read twice, to warm up."""
    await read(instants[0])
    taken: list[float] = []
    for at in instants:
        begun = time.perf_counter()
        await read(at)
        taken.append(1000 * (time.perf_counter() - begun))
    return median(taken), max(taken)


async def rebuild(database: Database, *, is_check: bool) -> tuple[Any, ...]:
    """One run over all tickets."""
    begun, cpu = time.perf_counter(), cpu_of_all()
    found, events = 0, 0
    async for progress in reconcile(database, is_check=is_check):
        found, events = found + len(progress.differences), progress.events
    seconds, used = time.perf_counter() - begun, cpu_of_all() - cpu
    return "--check" if is_check else "rebuild", events, seconds, used, found, events / max(used, 1e-9)


def cpu_of_all() -> float:
    """CPU seconds of this process and of all it started."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return sum(sum(one.cpu_times()[:2]) for one in processes)
