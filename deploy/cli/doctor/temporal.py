"""Temporal: whether it answers, its retention, who polls for work, what waits, and workflows that cannot go on."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    GetSystemInfoRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

from deploy.cli.doctor.findings import Finding, Gravity, bad, clock_finding, doubtful, graded, ok, unknown
from deploy.cli.doctor.process_environments import ProcessEnvironments
from deploy.cli.errors import CliError
from deploy.cli.versions import Version, polling_builds, versions
from shared.contracts.names import TASK_QUEUE
from shared.kit.clock import utc_now
from shared.kit.tickets import POLLS_WITHIN
from workflows.measures import FAILING

ANSWERS_WITHIN = timedelta(seconds=5)
BACKLOG_WARNING, BACKLOG_ERROR = 10.0, 120.0
RUNBOOK = "docs/runbooks/temporal-down.md"
AWAY = (RPCError, RuntimeError, OSError, TimeoutError)


async def check_temporal(around: ProcessEnvironments) -> list[Finding]:
    """The server, its namespace, and the queue of the tickets' workflows."""
    place = around.temporal
    if place is None:
        return [unknown("temporal", "reachable", "no server is named here (EVERDESK_TEMPORAL_ADDRESS)")]
    address, namespace = place
    try:
        async with asyncio.timeout(ANSWERS_WITHIN.total_seconds()):
            client = await Client.connect(address, namespace=namespace)
            info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    except AWAY as problem:
        return [bad("temporal", "reachable", f"does not answer: {str(problem) or type(problem).__name__}", RUNBOOK)]
    days = float(around.setting("EVERDESK_STREAM_MAX_AGE_DAYS", "notification") or 30)
    return [ok("temporal", "reachable", f"Temporal {info.server_version}"), *await _asked(client, days)]


async def _asked(client: Client, days: float) -> list[Finding]:
    try:
        return [
            await _retention(client, days),
            *await _queue(client),
            await _failing(client),
            await _builds(client),
        ]
    except AWAY as problem:
        return [bad("temporal", "questions", f"a question failed: {problem}", RUNBOOK)]


async def _retention(client: Client, days: float) -> Finding:
    request = DescribeNamespaceRequest(namespace=client.namespace)
    described = await client.workflow_service.describe_namespace(request, timeout=ANSWERS_WITHIN)
    kept = described.config.workflow_execution_retention_ttl.ToTimedelta()
    return retention_finding(kept, timedelta(days=days))


def retention_finding(kept: timedelta, stream: timedelta) -> Finding:
    """A late redelivery must find the closed workflow, or it could start a ticket again."""
    says = f"closed workflows are kept {kept.days} days, events {stream.days}"
    if kept > stream:
        return ok("temporal", "retention", says)
    mend = f"temporal operator namespace update --namespace NAME --retention {(stream.days + 15)}d"
    return bad("temporal", "retention", f"{says}: a late event could start a ticket again", mend)


async def _queue(client: Client) -> list[Finding]:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=TASK_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        report_stats=True,
    )
    described = await client.workflow_service.describe_task_queue(request, timeout=ANSWERS_WITHIN)
    now = utc_now()
    seen = [poller.last_access_time.ToDatetime(UTC) for poller in described.pollers]
    age = described.stats.approximate_backlog_age.ToTimedelta()
    return [
        workers_finding(seen, now),
        poller_clock_finding(seen, now),
        backlog_finding(described.stats.approximate_backlog_count, age),
        _versions_of_workers(described),
    ]


def workers_finding(seen: Sequence[datetime], now: datetime) -> Finding:
    """Whether somebody carries tickets on."""
    lately = [at for at in seen if now - at < POLLS_WITHIN]
    if lately:
        return ok("workers", "polling", f"{len(lately)} polled within {POLLS_WITHIN.seconds} s")
    mend = "start a worker: python -m workflows.worker (docker compose up --detach worker)"
    return bad("workers", "polling", "no worker asks for work: tickets stand still", mend)


def poller_clock_finding(seen: Sequence[datetime], now: datetime) -> Finding:
    """Temporal tells no time of its own; it notes when workers asked, which can never be later than now."""
    ahead = max((at - now for at in seen), default=timedelta())
    return clock_finding("temporal", max(ahead, timedelta()))


def backlog_finding(count: int, age: timedelta) -> Finding:
    """Whether workers keep up."""
    gravity = graded(age.total_seconds(), BACKLOG_WARNING, BACKLOG_ERROR)
    says = f"{count} steps of tickets wait, the oldest for {age.total_seconds():.0f} s"
    mend = "start more workers, or look at their CPU and their log"
    return Finding("workers", "backlog", gravity, says, "" if gravity is Gravity.OK else mend)


def _versions_of_workers(described: DescribeTaskQueueResponse) -> Finding:
    builds = {poller.deployment_options.build_id or "unversioned" for poller in described.pollers}
    return ok("workers", "builds", f"polling: {', '.join(sorted(builds)) or 'none'}")


async def _failing(client: Client) -> Finding:
    try:
        counted = await client.count_workflows(FAILING, rpc_timeout=ANSWERS_WITHIN)
    except RPCError:
        return unknown("tickets", "workflow tasks", "this Temporal does not mark workflows whose steps fail")
    return failing_finding(counted.count)


def failing_finding(count: int) -> Finding:
    """Workflows that cannot take their next step: their code and their history do not agree, or the worker dies."""
    says = f"{count} workflows fail at their next step"
    if not count:
        return ok("tickets", "workflow tasks", says)
    return bad("tickets", "workflow tasks", says, "docs/runbooks/stuck-ticket.md")


async def _builds(client: Client) -> Finding:
    try:
        return builds_finding(await versions(client), await polling_builds(client))
    except (CliError, RPCError):
        return ok("workers", "versions", "workers are not versioned")


def builds_finding(found: Sequence[Version], polling: Collection[str]) -> Finding:
    """Whether a build is current, and has workers that ask for work."""
    if not found:
        return ok("workers", "versions", "workers are not versioned")
    says = "; ".join(f"{one.build_id} {one.status}, {one.open_tickets} open tickets" for one in found[:5])
    if current := next((one.build_id for one in found if one.status == "current"), None):
        if current in polling:
            return ok("workers", "versions", says)
        others = ", ".join(sorted(polling)) or "no build"
        mend = "start workers of it, or everdesk versions promote one that polls; docs/runbooks/upgrade.md"
        return bad(
            "workers", "versions", f"{current} is current and no worker of it polls ({others} does): {says}", mend
        )
    return doubtful("workers", "versions", f"no build is current: {says}", "everdesk versions promote BUILD")
