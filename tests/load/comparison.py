"""Our workflow against the baseline on the same engines: interleaved rounds, CPU of server and worker."""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nats.js import JetStreamContext
from temporalio.client import Client

from shared.contracts.names import STREAM
from tests.load.histories import Histories, histories
from tests.load.lives import Life, play
from tests.load.meter import Costs, CpuMeter
from tests.load.report import Cell

SAMPLED_HISTORIES = 60
QUIET_SECONDS = 0.6


@dataclass(frozen=True, slots=True)
class Round:
    """CPU-ms per life by process, what the histories hold, and lives per second."""

    cpu: Costs
    history: Histories | None
    rate: float

    def sum_of(self, *names: str) -> float:
        """CPU-ms per life of these processes together."""
        return sum(self.cpu[name] for name in names)


async def measure(life: Life, count: int, at_once: int, meter: CpuMeter, client: Client, js: JetStreamContext) -> Round:
    """Plays a round and waits until every event has been published, then reads the histories."""
    meter.restart()
    started = time.perf_counter()
    played = await play(life, count, at_once)
    took = time.perf_counter() - started
    await all_published(js)
    cpu = {name: spent / count for name, spent in meter.read().items()}
    sample = played[:: max(1, count // SAMPLED_HISTORIES)]
    return Round(cpu, await histories(client, sample), count / took)


async def all_published(js: JetStreamContext) -> None:
    """Returns once the stream has stopped growing."""
    before = -1
    while (now := (await js.stream_info(STREAM)).state.last_seq) != before:
        before = now
        await asyncio.sleep(QUIET_SECONDS)


def median_of(rounds: Sequence[Round], read: Callable[[Round], float]) -> float:
    """The median over rounds."""
    return statistics.median(map(read, rounds))


def row(name: str, rounds: Sequence[Round]) -> list[Cell]:
    """A line of the comparison table."""

    def events(one: Round) -> float:
        return one.history.events if one.history else 0.0

    def tasks(one: Round) -> float:
        return one.history.workflow_tasks if one.history else 0.0

    def size(one: Round) -> float:
        return one.history.bytes / 1024 if one.history else 0.0

    return [
        name,
        *(median_of(rounds, lambda one, part=part: one.cpu[part]) for part in ("temporal", "worker")),  # type: ignore[misc]
        median_of(rounds, lambda one: one.sum_of("temporal", "worker")),
        median_of(rounds, events),
        median_of(rounds, tasks),
        median_of(rounds, size),
        median_of(rounds, lambda one: one.rate),
    ]
