"""The workflow side alone: Temporal on its file, NATS and one worker process whose cache can be changed."""

from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from deploy.local.engines import Stack, stack
from shared.kit.bus import Bus
from shared.kit.settings import Settings
from shared.kit.tickets import Tickets
from tests.load.python_process import engine_environment, running
from workflows.provisioning import ensure_search_attributes


@dataclass
class WorkflowSide:
    """Engines and the clients of a benchmark."""

    engines: Stack
    client: Client
    bus: Bus
    folder: Path

    @property
    def tickets(self) -> Tickets:
        """The way services take."""
        return Tickets(self.client)

    @asynccontextmanager
    async def worker(self, *, cache: int) -> AsyncIterator[Process]:
        """A worker process that keeps so many tickets in memory."""
        env = engine_environment(self.engines) | {"EVERDESK_WORKFLOW_CACHE": str(cache)}
        async with running("tests.load.bench_worker", "ours", env=env, log=self.folder / "worker.log") as process:
            yield process


@asynccontextmanager
async def workflow_side() -> AsyncIterator[WorkflowSide]:
    """Starts the engines in a folder of their own; nothing is left of them afterwards."""
    async with AsyncExitStack() as scope:
        folder = Path(scope.enter_context(TemporaryDirectory(prefix="everdesk-bench-")))
        engines = await scope.enter_async_context(stack(folder, only=("nats", "temporal")))
        env = engine_environment(engines)
        bus = Bus(Settings.model_validate({key[9:].lower(): value for key, value in env.items()}), "bench")
        await bus.start()
        scope.push_async_callback(bus.stop)
        client = await Client.connect(engines.temporal.address, data_converter=pydantic_data_converter)
        await ensure_search_attributes(client)
        yield WorkflowSide(engines, client, bus, folder)
