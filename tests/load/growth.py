"""What closed tickets cost: every path that requests, events and recurring jobs take, with ever more of them."""

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path as Folder

from tests.load.report import Budget, Cell, Report, Table
from tests.support.growth.fill import OPEN
from tests.support.growth.measured import Path
from tests.support.growth.past import Past, past

SIZES = (1_000, 100_000, 1_000_000)
LIMIT = 1.5
TIMES = 7
FLOOR_MS = 2.0
"""Differences below this say more about the machine than about the path."""
METHOD = f"""\
The three services' databases, made by their own migrations and filled by SQL: {OPEN:,} tickets that are worked on,
always the same, and ever more closed ones, each with its messages, events, verdicts, mails, files and deliveries.
Every path is the function that the service calls, timed from call to answer on one connection: the fastest of {TIMES}
runs after one to warm up, because other work on the machine only ever adds. A list is its first two pages, a report all
three of its groupings. A path's ratio is its time with the most closed tickets to its time with the fewest,
{FLOOR_MS:g} ms added to both. The store that is tidied
is empty: what a round looks at in it is bounded, whatever it holds."""

Times = dict[str, float]


async def run() -> Report:
    """Some minutes, most of them for writing the tickets: BENCH_SIZES=1000,100000 leaves the largest out."""
    sizes = [int(size) for size in os.environ.get("BENCH_SIZES", ",".join(map(str, SIZES))).split(",")]
    taken: dict[int, dict[str, Times]] = {}
    with tempfile.TemporaryDirectory(prefix="everdesk-bench-") as folder:
        async with past(Folder(folder)) as grown:
            for size in sizes:
                await grown.grow(size)
                print(f"  {size} closed tickets are there", flush=True)
                taken[size] = await measure(grown)
    return _report(sizes, taken)


async def measure(grown: Past) -> dict[str, Times]:
    """Milliseconds of each path of each service."""
    return {service: {path.name: await _timed(path) for path in paths} for service, paths in grown.paths.items()}


async def _timed(path: Path) -> float:
    await path.run()
    times: list[float] = []
    for _ in range(TIMES):
        started = time.perf_counter()
        await path.run()
        times.append((time.perf_counter() - started) * 1000)
    return min(times)


def ratio(times: list[float]) -> float:
    """The last to the first, small differences set aside."""
    return (times[-1] + FLOOR_MS) / (times[0] + FLOOR_MS)


def _report(sizes: list[int], taken: Mapping[int, Mapping[str, Times]]) -> Report:
    report = Report("growth", "What closed tickets cost", METHOD)
    columns = ("path", *(f"ms, {size:,} closed" for size in sizes), "ratio")
    for service in taken[sizes[0]]:
        rows: list[list[Cell]] = []
        for name in taken[sizes[0]][service]:
            times = [taken[size][service][name] for size in sizes]
            rows.append([name, *times, ratio(times)])
            report.budgets.append(Budget(f"{service}: {name}", ratio(times), "<=", LIMIT))
        report.tables.append(Table(service.capitalize(), columns, rows))
    worst = max(report.budgets, key=lambda budget: budget.measured)
    missed = [budget for budget in report.budgets if not budget.is_met]
    report.notes = [f"{len(report.budgets)} paths; the highest ratio is {worst.measured:.2f}: {worst.what}."]
    report.budgets = missed or [
        Budget(f"{worst.what}, the highest of {len(report.budgets)} ratios", worst.measured, "<=", LIMIT)
    ]
    return report
