"""Part (b) of the whole life's price: every process of the system, beside an earlier commit and the lean baseline."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nats.js import JetStreamContext
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from shared.contracts.names import STREAM
from shared.kit.bus import Bus
from shared.kit.settings import Settings
from tests.load.arrivals import Arrivals
from tests.load.calibration import Calibration
from tests.load.checkouts import PRESENT, checkout_of
from tests.load.comparison import Round, measure
from tests.load.histories import Histories, histories
from tests.load.latency import BareUpdates, Latencies, slow_life
from tests.load.lives import BaselineLife, play
from tests.load.meter import Costs, CpuMeter
from tests.load.python_process import engine_environment_of, running
from tests.load.statements import StatementCounter, Statements
from tests.load.systems import HostedSystem, hosted_system
from tests.load.whole_lives import WholeLife
from workflows.provisioning import ensure_search_attributes

PAST = os.environ.get("BENCH_PAST", "266d124")
"""The commit beside which the present checkout is measured."""
AT_ONCE = 16
WARM_UP = 40
SAMPLED_HISTORIES = 30
SETTLING_SECONDS, IDLE_SECONDS = 10.0, 20.0


@dataclass(frozen=True, slots=True)
class WholeRound:
    """What a life cost in one round: CPU-ms by process, statements by database, messages, history; lives a second."""

    cpu: Costs
    calibration: float
    statements: Statements
    messages: float
    history: Histories
    rate: float
    rate_to_the_end: float


@dataclass
class Side:
    """One running system and all that is asked of it."""

    system: HostedSystem
    js: JetStreamContext
    client: Client
    life: WholeLife
    arrivals: Arrivals
    meter: CpuMeter
    counter: StatementCounter
    rounds: list[WholeRound] = field(default_factory=list)
    latencies: Latencies = field(default_factory=Latencies)
    idle: Costs = field(default_factory=dict)

    async def play(self, count: int, calibration: Calibration) -> None:
        """A round, from the first request until every mail and event of it has arrived."""
        calibration.restart()
        await self.counter.restart()
        published = await self._published()
        self.meter.restart()
        started = time.perf_counter()
        played = await play(self.life, count, AT_ONCE)
        answered = time.perf_counter() - started
        await self.arrivals.all_of(count)
        arrived = time.perf_counter() - started
        self.rounds.append(
            WholeRound(
                cpu={name: spent / count for name, spent in self.meter.read().items()},
                calibration=calibration.read(),
                statements={name: calls / count for name, calls in (await self.counter.read()).items()},
                messages=(await self._published() - published) / count,
                history=await histories(self.client, played[:: max(1, count // SAMPLED_HISTORIES)]),
                rate=count / answered,
                rate_to_the_end=count / arrived,
            )
        )

    async def _published(self) -> int:
        return (await self.js.stream_info(STREAM)).state.last_seq


@dataclass
class Whole:
    """Both systems' rounds, and the baseline's."""

    present: Side
    past: Side
    baseline: list[Round] = field(default_factory=list)


async def compare_whole(count: int, rounds: int) -> Whole:
    """Interleaved rounds of whole lives on two running systems, and of baseline lives on the present one's engines."""
    async with AsyncExitStack() as scope:
        calibration = Calibration()
        scope.callback(calibration.close)
        past = await scope.enter_async_context(_side_of_past())
        present = await scope.enter_async_context(_side(await scope.enter_async_context(hosted_system(PRESENT))))
        lean = await scope.enter_async_context(_lean_worker(present))
        found = Whole(present, past)
        await _idle((present, past))
        for number in range(rounds):
            for side in (past, present) if number % 2 else (present, past):
                await side.play(count, calibration)
                _say(side.system.name, side.rounds[-1].cpu)
            one = await measure(BaselineLife(present.client), count, AT_ONCE, lean, present.client, present.js)
            found.baseline.append(one)
            _say("baseline", one.cpu)
        await _slowly((past, present), max(5, count // 5))
        return found


@asynccontextmanager
async def _side_of_past() -> AsyncIterator[Side]:
    async with checkout_of(PAST) as checkout, hosted_system(checkout) as system, _side(system) as side:
        yield side


@asynccontextmanager
async def _side(system: HostedSystem) -> AsyncIterator[Side]:
    """Connected to everything, and warm."""
    async with AsyncExitStack() as scope:
        bus = Bus(Settings.model_validate({"nats_url": system.nats_url, "link_secret": "x" * 16}), "bench")
        await bus.start()
        scope.push_async_callback(bus.stop)
        js = await bus.jetstream()
        client = await Client.connect(system.temporal_address, data_converter=pydantic_data_converter)
        arrivals = await Arrivals.of(system, js)
        scope.push_async_callback(arrivals.close)
        counter = await StatementCounter.of(system.database_url)
        scope.push_async_callback(counter.close)
        life = await WholeLife.begin(system)
        scope.push_async_callback(life.end)
        await play(life, WARM_UP, 8)
        await arrivals.all_of(WARM_UP)
        yield Side(system, js, client, life, arrivals, CpuMeter(system.pids), counter)


@asynccontextmanager
async def _lean_worker(side: Side) -> AsyncIterator[CpuMeter]:
    """The baseline's worker on the engines of a system, warm; the meter of what it uses."""
    await ensure_search_attributes(side.client)
    env = engine_environment_of(side.system.nats_url, side.system.temporal_address)
    async with running("tests.load.bench_worker", "baseline", env=env, log=Path("/dev/null")) as worker:
        await play(BaselineLife(side.client), 20, 8)
        pids = side.system.pids
        yield CpuMeter({"temporal": pids["temporal"], "worker": worker.pid, "nats": pids["nats"]})


async def _idle(sides: Sequence[Side]) -> None:
    """What both use with nothing to do, once what came before has been forgotten."""
    await asyncio.sleep(SETTLING_SECONDS)
    for side in sides:
        side.meter.restart()
    await asyncio.sleep(IDLE_SECONDS)
    for side in sides:
        side.idle = {name: spent / IDLE_SECONDS for name, spent in side.meter.read().items()}


async def _slowly(sides: Sequence[Side], lives: int) -> None:
    """One life after the other, each beside bare Updates, so that both meet the same machine."""
    bare = [BareUpdates(side.client) for side in sides]
    for updates in bare:
        await updates.open()
    for _ in range(lives):
        for side, updates in zip(sides, bare, strict=True):
            await slow_life(side.life, side.latencies)
            await updates.time(side.latencies)


def _say(name: str, cpu: Costs) -> None:
    print(f"  {name}: " + ", ".join(f"{key} {value:.1f}" for key, value in cpu.items()), flush=True)
