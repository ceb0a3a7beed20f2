"""What the whole system costs while nobody asks it anything: CPU and wake-ups by process, statements by database."""

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
import psutil

from tests.load.hosted_system import description
from tests.load.lives import play
from tests.load.meter import CpuMeter
from tests.load.report import Budget, Cell, Report, Table
from tests.load.system import EVERYTHING, system
from tests.load.systems import HostedSystem
from tests.load.whole_lives import WholeLife

SECONDS = float(os.environ.get("BENCH_IDLE_SECONDS", "60"))
SETTLE_SECONDS = float(os.environ.get("BENCH_IDLE_SETTLE", "30"))
LIVES = 20
LIMIT = 15.0
PARTS = (*EVERYTHING, "mail_in")
COUNTED = tuple(name for name in PARTS if name != "mail")
"""The mail sink stands for the rest of the world's mail servers: shown, not counted."""
DATABASES = ("intake", "assignment", "notification")
COMMITS = "select datname, xact_commit + xact_rollback as count from pg_stat_database where datname = any($1::text[])"
METHOD = """\
The whole one-command stack, mail process included, after some lives were played and everything had settled; then
nothing is asked of it. CPU is each process's own time with its children, read from the outside, so other work on the
machine hardly changes it. Wake-ups are voluntary context switches. Transactions are PostgreSQL's own count."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Totals at one moment."""

    switches: Mapping[str, float]
    transactions: Mapping[str, float]


async def run() -> Report:
    """Measures a system at rest."""
    report = Report("idle", "Idle: the cost of doing nothing", METHOD)
    async with system(*PARTS) as stack:
        hosted = HostedSystem(name="present", **description(stack))
        life = await WholeLife.begin(hosted)
        await play(life, LIVES, 4)
        await life.end()
        await asyncio.sleep(SETTLE_SECONDS)
        meter, before, began = CpuMeter(stack.pids), await _sample(hosted), time.perf_counter()
        meter.restart()
        await asyncio.sleep(SECONDS)
        cpu, after = meter.read(), await _sample(hosted)
        took = time.perf_counter() - began
    switches = {name: (after.switches[name] - before.switches[name]) / took for name in PARTS}
    rows: list[list[Cell]] = [[name, cpu[name] / took, switches[name]] for name in PARTS]
    total = sum(cpu[name] for name in COUNTED) / took
    rows.append(["all that counts", total, None])
    columns = ("process", "CPU-ms", "wake-ups")
    report.tables.append(Table(f"Per second, over {SECONDS:.0f} s; the mail sink is not counted", columns, rows))
    done = {name: (after.transactions[name] - before.transactions[name]) / took for name in DATABASES}
    report.tables.append(
        Table("Transactions per second", ("database", "transactions"), [[name, count] for name, count in done.items()])
    )
    report.budgets.append(Budget("CPU-ms a second of all processes doing nothing", total, "<=", LIMIT))
    return report


async def _sample(hosted: HostedSystem) -> Sample:
    connection = await asyncpg.connect(hosted.database_url, database="postgres")
    try:
        counted = await connection.fetch(COMMITS, list(DATABASES))
    finally:
        await connection.close()
    return Sample(
        {name: _switches(pid) for name, pid in hosted.pids.items()}, {row["datname"]: row["count"] for row in counted}
    )


def _switches(pid: int) -> float:
    """Voluntary switches of all threads of a process and its children that live now."""
    total = 0
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        for thread in process.threads():
            try:
                with open(f"/proc/{process.pid}/task/{thread.id}/status", encoding="ascii") as status:  # noqa: PTH123
                    total += sum(int(line.split()[1]) for line in status if line.startswith("voluntary"))
            except OSError:
                continue
    return total
