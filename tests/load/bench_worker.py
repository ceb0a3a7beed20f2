"""One worker process of the comparison: ours or the baseline, alike in everything but the workflow."""

import asyncio
import os
import signal
import sys
from datetime import timedelta

from temporalio import activity
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from shared.kit.bus import Bus, BusMessage
from shared.kit.garbage import tune_gc
from shared.kit.telemetry import configure_logging
from tests.load.baseline import BaselineWorkflow
from tests.load.baseline_words import Happened
from workflows.worker import POLLERS, WorkerSettings, connect, ticket_worker

QUEUE = "baseline-tickets"
SANDBOX = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules(
        "pydantic", "pydantic_core", "annotated_types", "tests.load.baseline_words"
    )
)


class Publisher:
    """The same one effect as ours, to the same stream, under subjects that no service consumes."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    @activity.defn(name="publish_baseline")
    async def publish(self, batch: list[Happened]) -> None:
        """Returns once every event is durable."""
        messages = [
            BusMessage(
                id=event.id,
                subject=f"everdesk.baseline.{event.name}.v1.{event.ticket_id}",
                payload=event.model_dump_json().encode(),
            )
            for event in batch
        ]
        if len(await self._bus.publish_until_acknowledged(messages)) < len(messages):
            raise ConnectionError("not every event was acknowledged")


async def work(which: str) -> None:
    """Works until SIGTERM."""
    settings = WorkerSettings()
    configure_logging(settings, f"bench-{which}")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    bus = Bus(settings, f"bench-{which}")
    await bus.start()
    await bus.jetstream()
    client = await connect(settings)
    baseline = Worker(
        client,
        task_queue=QUEUE,
        workflows=[BaselineWorkflow],
        activities=[Publisher(bus).publish],
        workflow_runner=SANDBOX,
        max_cached_workflows=settings.workflow_cache,
        max_concurrent_workflow_task_polls=POLLERS,
        nonsticky_to_sticky_poll_ratio=0.5,
        max_concurrent_activity_task_polls=5,
        graceful_shutdown_timeout=timedelta(seconds=5),
    )
    tune_gc(has_old_cycles=True)
    async with baseline if which == "baseline" else ticket_worker(client, bus, settings):
        await stop.wait()
    await bus.stop()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
    os._exit(0)
