"""`make bench ARGS=soak MINUTES=30`: a seeded load of all doors; memory, lag and disk must stay flat meanwhile."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from tests.chaos.run.session import make_load
from tests.chaos.run.system import SETTINGS, ChaosSystem
from tests.load.report import Budget, Cell, Report, Table
from tests.load.soak_samples import WAL, Sampler, SoakSample, growth
from tests.local.running import LocalStack

MINUTES = float(os.environ.get("MINUTES", "30"))
SEED = int(os.environ.get("SEED", "1"))
EVERY = max(2.0, MINUTES * 60 / 180)
WARM_UP = 1 / 3
"""Of the time: caches fill until then, and are judged from there on."""
CACHED_WORKFLOWS = 200
NATS = "nats"
MOST_SHARE, MOST_MEGABYTES = 0.10, 25.0
"""What a process may grow over the judged time, the larger of the two: a tenth of what it had, or so many megabytes."""
SUBJECTS_OF_A_THING_KB = 0.6
"""Three subjects, of each of which NATS keeps 0.2 KB in memory for as long as the stream has its messages."""
MOST_LAG, MOST_AGE = 50.0, 10.0
"""Messages that the consumers may fall behind over the judged time; seconds that an event may wait in an outbox."""
SHOWN_TABLES = 10
MOST_DISK_RATIO = 1.3
"""What a thing handed in leaves on disk in the second half of the judged time, to the first."""

METHOD = f"""\
One stack as `make run` starts it; eleven kinds of clients go on all the time at all doors (intake's API, files, portal,
mail, alerts, agents' replies, notes and commands, reading), the same that `make chaos` uses, with a seed. The worker
keeps {CACHED_WORKFLOWS} workflows in its cache, so that it is full early. Samples are taken of the memory of each
process (PSS with its children: shared pages are divided among those that share them), of what the consumers have not
handled, of the oldest event of each outbox and of the bytes that each engine has on disk. The first third fills caches;
over the rest a line is fitted through each figure, and its growth is judged. NATS keeps each subject of the stream in
memory, for thirty days unless set otherwise: {SUBJECTS_OF_A_THING_KB} KB for each thing handed in are added to what it
may grow. Disk grows with what is handed in, for
nothing is deleted in half an hour: judged is that each thing does not leave more in the end than in the beginning.
PostgreSQL's write-ahead log is told apart; it goes round
within its limit."""


async def run() -> Report:
    """As long as MINUTES says."""
    made_by = f"make bench ARGS=soak MINUTES={MINUTES:g} SEED={SEED}"
    report = Report("soak", "Soak: flat under a steady load", METHOD, made_by=made_by)
    async with _system() as system:
        load, doors = await make_load(system, SEED)
        sampler = await Sampler.of(system)
        running = asyncio.create_task(load.run(doors.clients()))
        samples: list[SoakSample] = []
        until = time.monotonic() + MINUTES * 60
        try:
            while time.monotonic() < until:
                await asyncio.sleep(EVERY)
                acknowledged = sum(one.is_acknowledged for one in load.attempts)
                samples.append(await sampler.take(acknowledged))
                if running.done():
                    running.result()
        finally:
            load.stop()
            await running
            await sampler.close()
    judged = [one for one in samples if one.at >= samples[0].at + WARM_UP * (samples[-1].at - samples[0].at)]
    _judge(report, judged)
    (done, refused, surprises) = sum(load.done.values()), load.refused, sum(load.surprises.values())
    report.notes = [
        f"{MINUTES:g} minutes, seed {SEED}, a sample every {EVERY:.0f} s, {len(judged)} of {len(samples)} judged.",
        f"{done} acts of clients, {samples[-1].handed_in} things acknowledged, {refused} refused or broken off; "
        f"{surprises} answers that no client expected; the slowest act took {load.slowest:.1f} s.",
        *(f"{times} x {what}" for what, times in load.surprises.most_common(5)),
    ]
    return report


def _judge(report: Report, judged: list[SoakSample]) -> None:
    first, last = judged[0], judged[-1]
    memory = [
        (name, first.memory[name], last.memory[name], growth(judged, lambda one, name=name: one.memory[name]))  # type: ignore[misc]
        for name in first.memory
        if name in last.memory and all(name in one.memory for one in judged)
    ]
    report.tables.append(
        Table(
            "Memory, MB", ("process", "at the beginning", "at the end", "growth fitted"), [list(row) for row in memory]
        )
    )
    for name, before, _, more in memory:
        most = max(MOST_MEGABYTES, MOST_SHARE * before)
        if name == NATS:
            most += SUBJECTS_OF_A_THING_KB * (last.handed_in - first.handed_in) / 1024
        report.budgets.append(Budget(f"memory of {name}, growth in MB", more, "<=", most))
    disk = [(name, first.disk[name] / 2**20, last.disk[name] / 2**20, *_for_each(judged, name)) for name in first.disk]
    report.tables.append(
        Table(
            "Disk, MB",
            ("engine", "at the beginning", "at the end", "KB for each thing, first half", "second half"),
            [list(row) for row in disk],
        )
    )
    report.tables.append(_grown_tables(judged))
    for name, _, _, early, late in disk:
        if name != WAL:
            report.budgets.append(
                Budget(
                    f"disk of {name} for each thing, second half to first",
                    late / max(early, 0.1),
                    "<=",
                    MOST_DISK_RATIO,
                )
            )
    lag = growth(judged, lambda one: one.lag)
    report.budgets.append(Budget("lag of all consumers, growth in messages", lag, "<=", MOST_LAG))
    age = growth(judged, lambda one: one.age)
    report.budgets.append(Budget("oldest event in an outbox, growth in s", age, "<=", MOST_AGE))
    report.tables.append(
        Table(
            "Lag",
            ("what", "middle", "most", "growth fitted"),
            [
                ["consumers, messages", _middle([one.lag for one in judged]), max(one.lag for one in judged), lag],
                [
                    "outboxes, oldest event, s",
                    _middle([one.age for one in judged]),
                    max(one.age for one in judged),
                    age,
                ],
            ],
        )
    )


def _grown_tables(judged: list[SoakSample]) -> Table:
    """The tables that grew most, which say where a growing disk comes from."""
    first, last = judged[0].tables, judged[-1].tables
    most = sorted(last, key=lambda name: last[name] - first.get(name, 0), reverse=True)[:SHOWN_TABLES]
    rows: list[list[Cell]] = [[name, last[name] / 2**20, *_halves(judged, partial(_size, name))] for name in most]
    columns = ("service, table", "at the end, MB", "KB for each thing, first half", "second half")
    return Table("Tables that grew most", columns, rows)


def _size(table: str, sample: SoakSample) -> int:
    return sample.tables.get(table, 0)


def _for_each(judged: list[SoakSample], name: str) -> tuple[float, float]:
    """KB that each thing handed in left there, in either half."""
    return _halves(judged, lambda one: one.disk[name])


def _halves(judged: list[SoakSample], read: Callable[[SoakSample], int]) -> tuple[float, float]:
    half = len(judged) // 2
    return _kilobytes(judged[: half + 1], read), _kilobytes(judged[half:], read)


def _kilobytes(part: list[SoakSample], read: Callable[[SoakSample], int]) -> float:
    more = part[-1].handed_in - part[0].handed_in
    return (read(part[-1]) - read(part[0])) / 1024 / max(1, more)


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


@asynccontextmanager
async def _system() -> AsyncIterator[ChaosSystem]:
    """Nothing between its parts, on the ordinary disk."""
    folder = await asyncio.to_thread(_folder)
    stack = LocalStack.in_folder(folder, has_stubs=False)
    stack.settings = {**SETTINGS, "EVERDESK_WORKFLOW_CACHE": str(CACHED_WORKFLOWS)}
    system = ChaosSystem(stack)
    try:
        await stack.start(within=180)
        await system.until_well()
        yield system
    finally:
        if stack.process is not None:
            await stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _folder() -> Path:
    """A folder that PostgreSQL's own account may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="everdesk-soak-"))
    folder.chmod(0o711)
    return folder
