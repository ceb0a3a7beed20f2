"""All that the system does under load in one table: each beside the barest thing of its kind, with the CPU of both."""

import os
from contextlib import AsyncExitStack

from tests.load.driving import Driven, middle
from tests.load.load_doors import LoadDoors, LoadedOperation, load_doors
from tests.load.report import Cell, Report, Table

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
METHOD = """\
One running system and, beside it on the same engines, the barest thing of each kind: *tickets taken in*, a FastAPI
route that commits one row of the same size; *agents' commands*, an Update of the same workflow sent straight to
Temporal; *whole lives*, the leanest workflow of the same design (`tests/load/baseline.py`); *queue* and *search*, a
route that reads 25 rows of the same table by one statement, or finds them by one word; *events to a browser*, a route
that passes on what it hears from NATS, both with the same twenty streams open; *notifications*, a program that hands as
many mails to the same mail server. Rounds of ours and of the bare one take turns; figures are medians over the rounds.
CPU is that of all processes that have a part in it, with what follows after the answer, the driver excluded. An event's
time is from the bus to the browser; changes within a tenth of a second are sent together, which is its floor. Rates
count what one driver at this concurrency gets answered; for notifications, from a held-back service that goes on."""
COLUMNS = (
    "what",
    "at once",
    "a second",
    "bare",
    "ratio",
    "p50 ms",
    "p95 ms",
    "bare p50",
    "bare p95",
    "CPU-ms each",
    "bare CPU-ms",
    "CPU ratio",
)


async def run() -> Report:
    """About four minutes."""
    report = Report("load", "Load: everything in one table", METHOD)
    async with AsyncExitStack() as scope:
        doors = await scope.enter_async_context(load_doors())
        rows = [await _row(doors, operation) for operation in doors.operations()]
    report.tables = [Table("Each beside its bare baseline", COLUMNS, rows)]
    report.notes = [
        f"{ROUNDS} rounds each; BENCH_ROUNDS changes that. Other reports take them apart: accept, lifecycle, desk.",
        f"{doors.tickets} tickets were on the desk while queue and search were asked.",
    ]
    return report


async def _row(doors: LoadDoors, operation: LoadedOperation) -> list[Cell]:
    ours, bare = list[Driven](), list[Driven]()
    for number in range(ROUNDS):
        ways = [(ours, operation.ours), (bare, operation.bare)]
        for found, way in ways if number % 2 == 0 else reversed(ways):
            found.append(await way())
        await doors.until_still()
    print(f"  {operation.name}: {middle(ours, _rate):.1f} to {middle(bare, _rate):.1f} a second", flush=True)
    rates, cpus = (middle(ours, _rate), middle(bare, _rate)), (middle(ours, _cpu), middle(bare, _cpu))
    times: list[Cell] = [
        middle(rounds, lambda one, share=share: one.at(share)) or None  # type: ignore[misc]
        for rounds in (ours, bare)
        for share in (0.5, 0.95)
    ]
    return [
        operation.name,
        operation.at_once,
        *rates,
        rates[0] / rates[1] if rates[1] else None,
        *times,
        *cpus,
        cpus[0] / cpus[1] if cpus[1] else None,
    ]


def _rate(one: Driven) -> float:
    return one.rate


def _cpu(one: Driven) -> float:
    return one.cpu
