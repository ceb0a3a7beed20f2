"""What waits for workers, and workflows that cannot go on, as metrics."""

from datetime import timedelta

from prometheus_client import Gauge
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from shared.contracts.names import TASK_QUEUE

ANSWERS_WITHIN = timedelta(seconds=2)
FAILING = (
    "ExecutionStatus = 'Running' and TemporalReportedProblems in "
    "('category=WorkflowTaskFailed', 'category=WorkflowTaskTimedOut')"
)
"""Workflows whose steps fail again and again, as the server marks them."""
WORKFLOWS_FAILING = Gauge("everdesk_workflows_failing", "Tickets whose next step fails again and again")
BACKLOG = Gauge("everdesk_workflow_tasks_waiting", "Steps of tickets that no worker has taken yet")
BACKLOG_SECONDS = Gauge("everdesk_workflow_tasks_oldest_seconds", "How long the oldest of them waits")


async def measure_queue(client: Client) -> None:
    """How much the tickets' task queue holds."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=TASK_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        report_stats=True,
    )
    stats = (await client.workflow_service.describe_task_queue(request, timeout=ANSWERS_WITHIN)).stats
    BACKLOG.set(stats.approximate_backlog_count)
    BACKLOG_SECONDS.set(stats.approximate_backlog_age.ToTimedelta().total_seconds())


async def measure_failing(client: Client) -> None:
    """How many workflows fail at their next step."""
    counted = await client.count_workflows(FAILING, rpc_timeout=ANSWERS_WITHIN)
    WORKFLOWS_FAILING.set(counted.count)
