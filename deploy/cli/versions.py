"""`everdesk versions`: which build of the workflow code runs the tickets, and how to move them forward or back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Concatenate, ParamSpec, TypeVar

import typer
from rich.console import Console
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import TaskQueueType, VersionDrainageStatus, WorkerDeploymentVersionStatus
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentVersionRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

from deploy.cli.environment import TEMPORAL_ADDRESS, environment_of
from deploy.cli.errors import CliError, friendly_errors
from shared.contracts.names import NAMESPACE, TASK_QUEUE, WORKFLOW_DEPLOYMENT
from shared.kit.clock import utc_now
from shared.kit.tickets import POLLS_WITHIN

NAMESPACE_SETTING = "EVERDESK_TEMPORAL_NAMESPACE"
ANSWERS_WITHIN = timedelta(seconds=10)
P = ParamSpec("P")
T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="See which build runs the tickets; move them to another, or back.")
console = Console(highlight=False, markup=False, soft_wrap=True)

Build = Annotated[str, typer.Argument(help="A build id, as EVERDESK_BUILD_ID names it and `list` shows it")]


@dataclass(frozen=True, slots=True)
class Version:
    """One build, what Temporal does with it, and the open tickets whose last step it took."""

    build_id: str
    status: str
    open_tickets: int


@app.command("list", epilog="Example: everdesk versions list")
@friendly_errors
def list_versions() -> None:
    """List the builds that have polled, the one new tickets start on, and the open tickets of each."""
    for one in _run(versions):
        console.print(f"{one.build_id:<44} {one.status:<10} {one.open_tickets} open tickets")


@app.command("promote", epilog="Example: everdesk versions promote 2026-11-24    (going back is the same)")
@friendly_errors
def promote_version(
    build: Build,
    *,
    force: Annotated[bool, typer.Option("--force", help="Even if no worker of it seems to ask for work")] = False,
) -> None:
    """Make a build the current one: new tickets start on it, running ones move to it at their next step."""
    if not force and build not in _run(polling_builds):
        raise CliError(
            f"No worker of {build} has asked for work within {POLLS_WITHIN.seconds} s: tickets would stand still. "
            "Start one first, as with the old EVERDESK_BUILD_ID and 'docker compose up --detach worker'."
        )
    _run(promote, build)
    console.print(f"{build} is current", style="green")


@app.command("drain-status", epilog="Example: everdesk versions drain-status 2026-11-01")
@friendly_errors
def drain_status(build: Build) -> None:
    """Say whether a build's workers may be stopped; exit 1 while they may not."""
    found = _run(version, build)
    is_free = found.status in ("drained", "inactive") or (found.status == "draining" and not found.open_tickets)
    advice = "its workers may be stopped" if is_free else "keep its workers running"
    console.print(f"{build} is {found.status}, {found.open_tickets} open tickets took their last step on it: {advice}")
    if not is_free:
        raise typer.Exit(1)


async def polling_builds(client: Client) -> set[str]:
    """The builds whose workers asked for tickets' steps lately. Raises RPCError."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=TASK_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    described = await client.workflow_service.describe_task_queue(request, timeout=ANSWERS_WITHIN)
    return builds_polling(described, utc_now())


def builds_polling(described: DescribeTaskQueueResponse, now: datetime) -> set[str]:
    """Those that a description of the queue names, and that asked within POLLS_WITHIN."""
    return {
        one.deployment_options.build_id
        for one in described.pollers
        if one.deployment_options.build_id and now - one.last_access_time.ToDatetime(UTC) < POLLS_WITHIN
    }


async def versions(client: Client) -> list[Version]:
    """Every build of the deployment, the newest first. Raises CliError where workers are not versioned."""
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=WORKFLOW_DEPLOYMENT)
    described = await client.workflow_service.describe_worker_deployment(request, timeout=ANSWERS_WITHIN)
    newest_first = sorted(
        described.worker_deployment_info.version_summaries, key=lambda one: -one.create_time.ToNanoseconds()
    )
    return [await version(client, one.deployment_version.build_id) for one in newest_first]


async def version(client: Client, build: str) -> Version:
    """One build. Raises CliError for one that never polled."""
    request = DescribeWorkerDeploymentVersionRequest(
        namespace=client.namespace,
        deployment_version=WorkerDeploymentVersion(deployment_name=WORKFLOW_DEPLOYMENT, build_id=build),
    )
    described = await client.workflow_service.describe_worker_deployment_version(request, timeout=ANSWERS_WITHIN)
    info = described.worker_deployment_version_info
    status = _last_word(WorkerDeploymentVersionStatus.Name(info.status))
    if info.drainage_info.status == VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINED:
        status = "drained"
    on_it = f"TemporalWorkerDeploymentVersion = '{WORKFLOW_DEPLOYMENT}:{build}' AND ExecutionStatus = 'Running'"
    counted = await client.count_workflows(on_it, rpc_timeout=ANSWERS_WITHIN)
    return Version(build, status, counted.count)


async def promote(client: Client, build: str) -> None:
    """Makes a build current. Raises CliError for one whose workers do not poll."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=WORKFLOW_DEPLOYMENT,
        build_id=build,
        identity=client.identity,
    )
    await client.workflow_service.set_worker_deployment_current_version(request, timeout=ANSWERS_WITHIN)


def _run(act: Callable[Concatenate[Client, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Does one thing with a connected client."""
    return asyncio.run(_connected(act, *args, **kwargs))


async def _connected(act: Callable[Concatenate[Client, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    given = environment_of("worker", TEMPORAL_ADDRESS)
    try:
        client = await Client.connect(given[TEMPORAL_ADDRESS], namespace=given.get(NAMESPACE_SETTING, NAMESPACE))
        return await act(client, *args, **kwargs)
    except (RPCError, RuntimeError) as problem:
        raise CliError(f"Temporal refused or did not answer: {problem}") from None


def _last_word(name: str) -> str:
    return name.rsplit("_", 1)[-1].lower()
