"""Ten thousand tickets at once: agents go on working meanwhile, and every ticket comes to the desk exactly once."""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import cycle

import asyncpg

from tests.load.hosted_system import description
from tests.load.outage import in_temporal, opened_count
from tests.load.python_process import result_of
from tests.load.report import Budget, Cell, Report, Table
from tests.load.system import EVERYTHING, System, system
from tests.load.systems import HostedSystem
from tests.load.whole_lives import REPLY, WholeLife

TICKETS = int(os.environ.get("BENCH_TICKETS", "10000"))
CALM_SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
AGENTS = 3
GAP = 0.25
"""Seconds that an agent takes between two commands."""
AT_ONCE = 16
LIMIT = 2.0
LOOK_EVERY = 1.0
PATIENCE = 3600.0
METHOD = f"""\
{AGENTS} agents work on tickets of their own all the time, each with one command after the other and {GAP:g} s between
them: another priority, a note, a reply to the requester. First nothing else happens; then {TICKETS:,} tickets are
handed in over {AT_ONCE} connections as fast as intake takes them, and the agents go on until the workflow of each has
been opened and the desk has a row of each. A command that is told to come again counts until it is done. The burst's
ids are compared, one by one, with the desk's rows and Temporal's workflows."""


class Agents:
    """Agents at work, and how long each of their commands took, in milliseconds."""

    def __init__(self, life: WholeLife, paths: list[str]) -> None:
        self._life, self._paths = life, paths
        self.taken: dict[str, list[tuple[str, float]]] = {}
        self.phase = "before"
        self._is_over = asyncio.Event()

    async def work(self) -> None:
        """Until told to stop."""
        await asyncio.gather(*map(self._one, self._paths))

    def stop(self) -> None:
        """No further command."""
        self._is_over.set()

    async def _one(self, path: str) -> None:
        priorities = cycle(("high", "low", "normal"))
        steps: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (
            ("prioritise", lambda: self._life.act(f"{path}/prioritise", {"priority": next(priorities)}, 200)),
            ("note", lambda: self._life.act(f"{path}/notes", {"body": "Looked.", "body_format": "text"}, 201)),
            ("reply", lambda: self._life.act(f"{path}/replies", {"body": REPLY, "body_format": "text"}, 201)),
        )
        for kind, step in cycle(steps):
            if self._is_over.is_set():
                return
            phase, began = self.phase, time.perf_counter()
            await step()
            self.taken.setdefault(phase, []).append((kind, (time.perf_counter() - began) * 1000))
            await asyncio.sleep(GAP)

    def at(self, share: float, *phases: str, kind: str = "") -> float:
        """The quantile of the commands of these phases."""
        found = sorted(ms for phase in phases for one, ms in self.taken.get(phase, ()) if kind in ("", one))
        return found[min(len(found) - 1, int(len(found) * share))] if found else 0.0

    def rows(self) -> list[list[Cell]]:
        """By phase and kind of command."""
        rows: list[list[Cell]] = []
        for phase, taken in self.taken.items():
            for kind in ("prioritise", "note", "reply"):
                count = sum(one == kind for one, _ in taken)
                rows.append([phase, kind, count, *(self.at(share, phase, kind=kind) for share in (0.5, 0.95, 1.0))])
        return rows


async def run() -> Report:
    """The burst: with its usual size a quarter of an hour."""
    report = Report("burst", "A burst of tickets", METHOD)
    async with system(*EVERYTHING) as stack:
        hosted = HostedSystem(name="present", **description(stack))
        life = await WholeLife.begin(hosted)
        paths = [await life.assigned(await life.open()) for _ in range(AGENTS)]
        await life()
        agents = Agents(life, paths)
        working = asyncio.create_task(agents.work())
        await asyncio.sleep(CALM_SECONDS)
        first = await opened_count(stack)
        agents.phase = "while they are handed in"
        began = time.perf_counter()
        accepted = json.loads(
            await result_of("tests.load.submit", hosted.urls["intake"], hosted.api_key, str(TICKETS), str(AT_ONCE))
        )
        agents.phase = "until all are open"
        await _until_open(stack, hosted, first + TICKETS, working)
        drained = time.perf_counter() - began
        agents.stop()
        await working
        workflows, rows = await in_temporal(stack), await _on_the_desk(hosted)
        await life.end()
    ids: set[str] = set(accepted["ids"])
    report.tables = [
        Table("Agents' commands, ms", ("when", "command", "how many", "p50", "p95", "slowest"), agents.rows()),
        Table(
            "The burst",
            ("what", "tickets", "seconds", "per second"),
            [
                ["handed in", len(ids), accepted["seconds"], len(ids) / accepted["seconds"]],
                ["open, and on the desk", len(ids), drained, len(ids) / drained],
            ],
        ),
    ]
    calm = agents.at(0.95, "before")
    ratio = agents.at(0.95, "while they are handed in", "until all are open") / calm
    report.budgets = [
        Budget("agents' commands, p95 during the burst to before it", ratio, "<=", LIMIT),
        *(
            Budget(f"lost, by {name}", len(ids - found.keys()), "==", 0)
            for name, found in (("Temporal", workflows), ("the desk", rows))
        ),
        Budget("workflows that ran twice", sum(workflows[one] > 1 for one in ids), "==", 0),
    ]
    report.notes = [f"Told to come again while handing in: {accepted['refused']} times."]
    return report


async def _until_open(stack: System, hosted: HostedSystem, count: int, working: "asyncio.Task[None]") -> None:
    """Returns once so many are open and on the desk. Raises what ends the agents' work, or AssertionError."""
    give_up_at = time.monotonic() + PATIENCE
    while True:
        opened = await opened_count(stack)
        shown = sum((await _on_the_desk(hosted)).values()) if opened >= count else 0
        if shown >= count:
            return
        if working.done():
            working.result()
        assert time.monotonic() < give_up_at, f"{opened} of {count} open, {shown} on the desk"
        await asyncio.sleep(LOOK_EVERY)


async def _on_the_desk(hosted: HostedSystem) -> Counter[str]:
    """The tickets that the desk knows, by id."""
    connection = await asyncpg.connect(f"{hosted.database_url}/assignment")
    try:
        return Counter(str(row["id"]) for row in await connection.fetch("select id from tickets"))
    finally:
        await connection.close()
