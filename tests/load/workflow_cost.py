"""Part (a) of the whole life's price: our workflow against the leanest one of the same design."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from deploy.local.engines import stack
from shared.kit.bus import Bus
from shared.kit.settings import Settings
from shared.kit.tickets import Tickets
from tests.load.comparison import Round, measure, median_of, row
from tests.load.lives import BaselineLife, Life, OurLife, a_policy, play
from tests.load.meter import CpuMeter
from tests.load.python_process import engine_environment, running
from tests.load.report import Budget, Cell, Table
from workflows.provisioning import ensure_search_attributes

LIMIT = 1.25
COLUMNS = ("workflow", "server CPU-ms", "worker CPU-ms", "together", "events", "WFT", "history KiB", "lives/s")
STACK_FIGURES: dict[int, list[Cell]] = {
    16: ["STACK.md (c), c=16, its life", 93, 58, 151, 44.9, 7.1, None, 10.4],
    1: ["STACK.md (c), c=1, its life", None, None, None, 52.8, None, None, None],
}


@dataclass
class Comparison:
    """Both workflows' rounds at one concurrency."""

    at_once: int
    ours: list[Round] = field(default_factory=list)
    baseline: list[Round] = field(default_factory=list)

    @property
    def cpu_ratio(self) -> float:
        """CPU of server and worker, ours to baseline."""
        together = [median_of(rounds, lambda one: one.sum_of("temporal", "worker")) for rounds in self._both]
        return together[0] / together[1]

    @property
    def event_ratio(self) -> float:
        """History events, ours to baseline."""
        events = [median_of(rounds, lambda one: one.history.events if one.history else 0) for rounds in self._both]
        return events[0] / events[1]

    @property
    def _both(self) -> tuple[list[Round], list[Round]]:
        return self.ours, self.baseline

    def table(self) -> Table:
        """Both lines, and what STACK measured of this variant."""
        rows = [row("everdesk", self.ours), row("baseline", self.baseline)]
        return Table(f"Workflow only, {self.at_once} lives at a time", COLUMNS, [*rows, STACK_FIGURES[self.at_once]])

    def budgets(self) -> list[Budget]:
        """What is promised of it."""
        where = f"at c={self.at_once}"
        return [
            Budget(f"CPU of server and worker per life {where}, ours to baseline", self.cpu_ratio, "<=", LIMIT),
            Budget(f"history events per life {where}, ours to baseline", self.event_ratio, "<=", LIMIT),
        ]


async def compare(count: int, rounds: int, concurrencies: tuple[int, ...]) -> list[Comparison]:
    """Interleaved rounds of both on engines of their own."""
    async with AsyncExitStack() as scope:
        folder = Path(scope.enter_context(tempfile.TemporaryDirectory(prefix="everdesk-bench-")))
        engines = await scope.enter_async_context(stack(folder, only=("nats", "temporal")))
        env = engine_environment(engines)
        bus = Bus(Settings.model_validate({key[9:].lower(): value for key, value in env.items()}), "bench")
        await bus.start()
        scope.push_async_callback(bus.stop)
        js = await bus.jetstream()
        client = await Client.connect(engines.temporal.address, data_converter=pydantic_data_converter)
        await ensure_search_attributes(client)
        lives: dict[str, Life] = {"ours": OurLife(Tickets(client), a_policy()), "baseline": BaselineLife(client)}
        workers = {
            name: await scope.enter_async_context(
                running("tests.load.bench_worker", name, env=env, log=folder / f"{name}.log")
            )
            for name in lives
        }
        meters = {
            name: CpuMeter({"temporal": engines.pid("temporal"), "worker": worker.pid, "nats": engines.pid("nats")})
            for name, worker in workers.items()
        }
        for life in lives.values():
            await asyncio.wait_for(play(life, 20, 8), 60)
        compared = [Comparison(at_once) for at_once in concurrencies]
        for comparison in compared:
            for _ in range(rounds):
                for name, life in lives.items():
                    one = await measure(life, count, comparison.at_once, meters[name], client, js)
                    getattr(comparison, name).append(one)
                    print(f"  c={comparison.at_once} {name}: " + ", ".join(f"{k} {v:.1f}" for k, v in one.cpu.items()))
        return compared
