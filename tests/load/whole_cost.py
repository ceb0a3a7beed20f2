"""Part (b) of the whole life's price: every process of the system, against the baseline in the same run."""

import asyncio
import statistics
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from shared.kit.bus import Bus
from shared.kit.settings import Settings
from tests.load.comparison import Round, all_published, measure, median_of
from tests.load.lives import BaselineLife, play
from tests.load.meter import CpuMeter
from tests.load.python_process import running
from tests.load.report import Budget, Table
from tests.load.system import EVERYTHING, system
from tests.load.whole_lives import WholeLife

LIMIT = 2.0
AT_ONCE = 16
COUNTED = tuple(name for name in EVERYTHING if name != "mail")
"""The mail sink stands for the rest of the world's mail servers: shown, not counted."""
IDLE_SECONDS = 5.0
ENGINES = ("temporal", "worker")


@dataclass
class Whole:
    """Rounds of the whole system and of the baseline, and what the system uses doing nothing."""

    system: list[Round] = field(default_factory=list)
    baseline: list[Round] = field(default_factory=list)
    idle: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """CPU-ms per life of everything that counts."""
        return median_of(self.system, lambda one: one.sum_of(*COUNTED))

    @property
    def lean(self) -> float:
        """CPU-ms per life of the baseline's server and worker."""
        return median_of(self.baseline, lambda one: one.sum_of(*ENGINES))

    def table(self) -> Table:
        """Where it goes."""

        def of(name: str) -> Callable[[Round], float]:
            return lambda one: one.cpu.get(name, 0.0)

        rows: list[list[str | float | None]] = []
        for name in COUNTED:
            lean = median_of(self.baseline, of(name)) if name in (*ENGINES, "nats") else None
            spent = median_of(self.system, of(name))
            rows.append([name, spent, spent / self.total * 100, lean, self.idle[name]])
        rows.append(["all that counts", self.total, 100.0, self.lean, sum(self.idle[name] for name in COUNTED)])
        rows.append(["mail sink, not counted", median_of(self.system, of("mail")), None, None, self.idle["mail"]])
        rate = statistics.median(one.rate for one in self.system)
        rows.append(["lives per second", rate, None, median_of(self.baseline, lambda one: one.rate), None])
        rows.append(["history events", _events(self.system), None, _events(self.baseline), None])
        rows.append(["workflow tasks", _tasks(self.system), None, _tasks(self.baseline), None])
        rows.append(["osTicket, for context", 256.0, None, None, None])
        rows.append(["django-helpdesk, for context", 352.0, None, None, None])
        columns = ("process", "CPU-ms per life", "%", "baseline CPU-ms (server + worker)", "idle CPU-ms per second")
        return Table(f"The whole system through HTTP, {AT_ONCE} lives at a time", columns, rows)

    def budget(self) -> Budget:
        """What is promised of it."""
        return Budget("CPU of all processes per life, to the baseline's", self.total / self.lean, "<=", LIMIT)


def _events(rounds: list[Round]) -> float:
    return median_of(rounds, lambda one: one.history.events if one.history else 0.0)


def _tasks(rounds: list[Round]) -> float:
    return median_of(rounds, lambda one: one.history.workflow_tasks if one.history else 0.0)


async def compare_whole(count: int, rounds: int) -> Whole:
    """Interleaved rounds of whole lives and baseline lives on one running system."""
    async with AsyncExitStack() as scope:
        stack = await scope.enter_async_context(system(*EVERYTHING))
        env = stack.environment("worker")
        bus = Bus(Settings.model_validate({"nats_url": env["EVERDESK_NATS_URL"], "link_secret": "x" * 16}), "bench")
        await bus.start()
        scope.push_async_callback(bus.stop)
        js = await bus.jetstream()
        client = await Client.connect(env["EVERDESK_TEMPORAL_ADDRESS"], data_converter=pydantic_data_converter)
        lean = await scope.enter_async_context(
            running("tests.load.bench_worker", "baseline", env=env, log=Path("/dev/null"))
        )
        whole_life = await WholeLife.begin(stack)
        scope.push_async_callback(whole_life.end)
        baseline_life = BaselineLife(client)
        await asyncio.gather(play(whole_life, 20, 8), play(baseline_life, 20, 8))
        await all_published(js)
        meter = CpuMeter(stack.pids)
        lean_meter = CpuMeter({"temporal": stack.pids["temporal"], "worker": lean.pid, "nats": stack.pids["nats"]})
        found = Whole(idle=await _idle(meter))
        for _ in range(rounds):
            found.system.append(await measure(whole_life, count, AT_ONCE, meter, client, js))
            found.baseline.append(await measure(baseline_life, count, AT_ONCE, lean_meter, client, js))
            for name, one in (("whole", found.system[-1]), ("baseline", found.baseline[-1])):
                print(f"  {name}: " + ", ".join(f"{k} {v:.1f}" for k, v in one.cpu.items()), flush=True)
        return found


async def _idle(meter: CpuMeter) -> dict[str, float]:
    meter.restart()
    started = time.perf_counter()
    await asyncio.sleep(IDLE_SECONDS)
    took = time.perf_counter() - started
    return {name: spent / took for name, spent in meter.read().items()}
