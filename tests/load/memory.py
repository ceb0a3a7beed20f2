"""How soon a fresh stack is ready, and how much memory each process takes, idle and with open tickets."""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from deploy.local import process
from deploy.local.engines.ports import find_free_port
from deploy.local.process import Launch, inherited_environment
from deploy.local.settings import LocalSettings
from tests.load.http_client import Http
from tests.load.meter import cpu_seconds, pss_megabytes, rss_megabytes
from tests.load.python_process import CHECKOUT
from tests.load.report import Budget, Cell, Report, Table
from tests.load.system import UNLIMITED
from tests.load.whole_lives import a_submission

LIMIT_SECONDS = 30.0
AT_ONCE = 16
METHOD = """\
The command of `make run` (`python -m deploy.local`) from an empty state folder, with the wheels installed: data folders
are made, migrations and seeds run. Ready is when `stack.json` appears, which is when every part has said so on
`/readyz`. Then memory, once idle and once with so many open tickets, each routed and assigned. PSS divides pages that
processes share (PostgreSQL's backends, the interpreter) among them; RSS counts them for each."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a cold start took: seconds on the clock, and CPU seconds of everything that was started."""

    seconds: float
    cpu_seconds: float


@asynccontextmanager
async def fresh_stack() -> AsyncIterator[tuple[dict[str, Any], Start]]:
    """The description of a running stack, and the seconds it took to get there."""
    with tempfile.TemporaryDirectory(prefix="everdesk-bench-") as folder:
        home = Path(folder)
        taken: set[int] = set()
        env = inherited_environment() | UNLIMITED | {"EVERDESK_HOME": folder}
        for name in LocalSettings().fixed_ports:
            taken.add(port := find_free_port(taken=frozenset(taken)))
            env[f"EVERDESK_{name.upper()}_PORT"] = str(port)
        started = time.perf_counter()
        with (home / "bench.log").open("wb") as log:
            launch = Launch((sys.executable, "-m", "deploy.local"), cwd=CHECKOUT, env=env)
            child = await process.spawn(launch, output=log)
        try:
            while not (home / "stack.json").exists():
                if child.returncode is not None or time.perf_counter() - started > 180:
                    raise RuntimeError((home / "bench.log").read_text(errors="replace")[-3000:])
                await asyncio.sleep(0.02)
            took = Start(time.perf_counter() - started, cpu_seconds(child.pid))
            yield json.loads((home / "stack.json").read_text(encoding="utf-8")), took
        finally:
            await process.stop(child, grace=30)


Memory = dict[str, tuple[float, float]]


def memory_of(pids: dict[str, int]) -> Memory:
    """RSS and PSS in MB by process."""
    return {name: (rss_megabytes(pid), pss_megabytes(pid)) for name, pid in pids.items()}


async def open_tickets(described: dict[str, Any], count: int) -> float:
    """Opens tickets and waits until every one is assigned; returns the seconds that took."""
    intake = Http(described["urls"]["intake"], described["credentials"]["api_key"])
    remaining = iter(range(count))
    started = time.perf_counter()

    async def one() -> None:
        for number in remaining:
            await intake.post("/v1/tickets", a_submission(f"customer-{number}"))

    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    login = described["credentials"]["agents"][0]
    desk = Http(described["urls"]["assignment"], "none")
    session = await desk.post("/v1/sessions", {"email": login["email"], "password": login["password"]})
    desk = Http(described["urls"]["assignment"], session["access_token"])
    deadline = time.perf_counter() + 600
    while time.perf_counter() < deadline:
        reply = await desk.send(desk.request("GET", "/v1/tickets?view=all&status=new&limit=1"))
        unassigned = await desk.send(desk.request("GET", "/v1/tickets?view=all&limit=1"))
        if not reply.json["items"] and unassigned.json["items"]:
            break
        await asyncio.sleep(1)
    await asyncio.sleep(5)
    return time.perf_counter() - started - 5


async def run() -> Report:
    """About three minutes."""
    count = int(os.environ.get("BENCH_TICKETS", "1000"))
    colds: list[Start] = []
    for _ in range(2):
        async with fresh_stack() as (_, took):
            colds.append(took)
            print(f"  ready after {took.seconds:.1f} s, {took.cpu_seconds:.1f} s of CPU", flush=True)
    async with fresh_stack() as (described, took):
        colds.append(took)
        await asyncio.sleep(5)
        pids: dict[str, int] = described["pids"]
        idle = memory_of(pids)
        filled_in = await open_tickets(described, count)
        full = memory_of(pids)
    return _report(count, colds, filled_in, idle, full)


def _report(count: int, colds: list[Start], filled_in: float, idle: Memory, full: Memory) -> Report:
    rows: list[list[Cell]] = []
    for name in sorted(idle, key=lambda one: -idle[one][1]):
        growth = (full[name][1] - idle[name][1]) * 1024 / count
        rows.append([name, *idle[name], *full[name], growth])
    totals = [sum(float(row[column] or 0) for row in rows) for column in range(1, 6)]
    rows.append(["together", *totals])
    report = Report("memory", "Cold start and memory", METHOD)
    columns = ("process", "RSS idle", "PSS idle", "RSS full", "PSS full", "PSS KiB per ticket")
    report.tables = [
        Table(
            "Cold start",
            ("run", "seconds to ready", "CPU seconds used"),
            [[number, took.seconds, took.cpu_seconds] for number, took in enumerate(colds, 1)],
        ),
        Table(f"Memory in MiB, idle and with {count} open tickets", columns, rows),
    ]
    report.budgets = [
        Budget(
            "seconds from the command to ready, median of three",
            median(took.seconds for took in colds),
            "<",
            LIMIT_SECONDS,
        )
    ]
    report.notes = [f"{count} tickets were accepted, routed and assigned in {filled_in:.0f} s."]
    return report
