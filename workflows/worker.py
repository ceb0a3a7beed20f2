"""The worker process: builds client, worker, consumer and health endpoints."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import uvicorn
from pydantic import Field
from starlette.applications import Starlette
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import GrpcCompression, RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from shared.contracts.names import TASK_QUEUE
from shared.kit.bus import Bus, run_consumer
from shared.kit.garbage import tune_gc
from shared.kit.http.health_app import create_health_app
from shared.kit.measures import Measures
from shared.kit.processes import QuietServer, background
from shared.kit.settings import Settings
from shared.kit.telemetry import configure_logging, log
from shared.kit.tickets import Tickets
from shared.kit.trace_export import configure_tracing
from workflows.activities import PublishActivities
from workflows.consumer import TicketEventConsumer
from workflows.deployment import deployment_of, promote
from workflows.measures import measure_failing, measure_queue
from workflows.provisioning import ensure_search_attributes
from workflows.ticket import TicketWorkflow

POLLERS = 10
CONNECT_RETRY_SECONDS = 1.0

SANDBOX = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules(
        "pydantic", "pydantic_core", "annotated_types", "shared.contracts", "shared.domain"
    )
)
"""The rules are passed through because building their models anew per ticket costs more than all else; that they
stay pure is checked without running them: import-linter forbids them I/O, the linter forbids `datetime.now`."""
PLAIN = UnsandboxedWorkflowRunner()
"""What serves tickets. The sandbox costs the worker about a fifth of its CPU and finds nothing at run time that the
tests have not found: they run every workflow inside it and replay recorded histories, and CI refuses imports and
calls by which workflow code could tell one run from another."""
UNVERSIONED = "unversioned"
"""Told to Temporal for a worker without a build: else the SDK hashes the code of every module, which takes a second."""


class WorkerSettings(Settings):
    """The worker's own settings."""

    workflow_cache: int = Field(default=1000, ge=10)
    """Tickets kept in memory; others are replayed from history when something happens to them."""
    wait_for_start_seconds: int = Field(default=86_400, ge=1)
    """Age at which a message whose ticket has no workflow becomes a dead letter, instead of waiting for its start."""
    workflow_sandbox: bool = False
    """Whether workflows run in Temporal's sandbox, as they do in the tests; a fifth dearer, for finding impure code."""
    build_id: str = ""
    """Names the deployed code; empty = unversioned, as in the one-command stack."""
    promote_on_start: bool = True
    """Whether a build makes itself the current one as soon as it polls; false leaves that to `everdesk versions`."""


async def connect(settings: Settings) -> Client:
    """Returns a connected client; waits until Temporal is up."""
    while True:
        try:
            return await Client.connect(
                settings.temporal_address,
                namespace=settings.temporal_namespace,
                data_converter=pydantic_data_converter,
                grpc_compression=GrpcCompression.NONE,
            )
        except (RPCError, RuntimeError, OSError) as error:
            log.warning("worker.temporal_away", error=repr(error))
            await asyncio.sleep(CONNECT_RETRY_SECONDS)


def ticket_worker(client: Client, bus: Bus, settings: WorkerSettings) -> Worker:
    """The Temporal worker of one process."""
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[TicketWorkflow],
        activities=[PublishActivities(bus).publish_events],
        workflow_runner=SANDBOX if settings.workflow_sandbox else PLAIN,
        max_cached_workflows=settings.workflow_cache,
        max_concurrent_workflow_task_polls=POLLERS,
        nonsticky_to_sticky_poll_ratio=0.5,
        max_concurrent_activity_task_polls=5,
        graceful_shutdown_timeout=timedelta(seconds=5),
        build_id=None if settings.build_id else UNVERSIONED,
        deployment_config=deployment_of(settings.build_id),
    )


@asynccontextmanager
async def working(settings: WorkerSettings) -> AsyncIterator[tuple[Client, Bus]]:
    """Runs the worker and its consumer for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        bus = Bus(settings, "everdesk-worker")
        await bus.start()
        stack.push_async_callback(bus.stop)
        client = await connect(settings)
        await ensure_search_attributes(client)
        await stack.enter_async_context(ticket_worker(client, bus, settings))
        consumer = TicketEventConsumer(
            Tickets(client), bus, timedelta(seconds=settings.wait_for_start_seconds)
        ).consumer()
        await stack.enter_async_context(background({"inbox": lambda: run_consumer(bus, consumer)}))
        if settings.build_id and settings.promote_on_start:
            await promote(client, settings.build_id)
        log.info("worker.ready", task_queue=TASK_QUEUE)
        yield client, bus


def health_app(settings: WorkerSettings) -> Starlette:
    """Health and metrics; the worker itself lives as long as this app."""
    connected: list[Tickets] = []
    buses: list[Bus] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with working(settings) as (client, bus):
            connected.append(Tickets(client))
            buses.append(bus)
            yield

    async def temporal() -> None:
        await connected[0].ping()

    async def nats() -> None:
        await buses[0].check_connected()

    async def stream() -> None:
        await buses[0].check_writable()

    async def queue() -> None:
        await measure_queue(connected[0].client)

    async def failing() -> None:
        await measure_failing(connected[0].client)

    app = create_health_app("worker", settings, lifespan, {"temporal": temporal}, {"nats": nats, "stream": stream})
    app.state.measures = Measures({"queue": queue, "failing": failing})
    return app


def main() -> None:
    """Runs until SIGTERM; exits without the interpreter's clean-up, in which the Temporal client is known to crash."""
    settings = WorkerSettings()
    configure_logging(settings, "worker")
    configure_tracing(settings, "worker")
    app = health_app(settings)
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, access_log=False, log_config=None, loop="uvloop"
    )
    tune_gc(has_old_cycles=True)
    QuietServer(config, app.state.stopping).run()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
