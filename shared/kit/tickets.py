"""The way from the world to a ticket's workflow: start, signal, and commands that answer."""

import hashlib
from datetime import UTC, timedelta
from enum import StrEnum

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from shared.contracts.base import TicketId
from shared.contracts.commands import Command, MessageFact, OpenTicket
from shared.contracts.names import SEARCH_ATTRIBUTES, TASK_QUEUE, ticket_workflow_id
from shared.contracts.tickets import TicketSnapshot
from shared.contracts.vocabulary import Status
from shared.domain.errors import REFUSALS, Refusal, TicketArchivedError, UnknownTicket
from shared.kit.clock import new_id, utc_now
from shared.kit.settings import Settings
from shared.kit.ticket_errors import TicketStuck, TicketsUnavailable

ANSWER_WITHIN = timedelta(seconds=5)
POLLS_WITHIN = timedelta(seconds=90)
"""A worker that lives asks for work at least this often."""


class TemporalRefused(Exception):
    """Temporal will never take this request as it is."""


class SignalDelivery(StrEnum):
    """What became of a message fact."""

    DELIVERED = "delivered"
    NOT_STARTED = "not_started"
    ARCHIVED = "archived"


class Tickets:
    """A client of every ticket's workflow. Connects on first use, so a service starts while Temporal is away."""

    def __init__(self, client: Client) -> None:
        self.client = client

    @classmethod
    async def connect(cls, settings: Settings) -> "Tickets":
        """A lazily connecting client."""
        return cls(
            await Client.connect(
                settings.temporal_address,
                namespace=settings.temporal_namespace,
                data_converter=pydantic_data_converter,
                lazy=True,
            )
        )

    async def ping(self) -> None:
        """Raises TicketsUnavailable unless Temporal answers."""
        try:
            await self.client.service_client.check_health(timeout=timedelta(seconds=2))
        except (RPCError, RuntimeError) as error:
            raise TicketsUnavailable(str(error)) from error

    async def start(self, ticket: OpenTicket) -> None:
        """Starts a ticket's workflow; starting it again does nothing. Raises TicketsUnavailable."""
        try:
            await self.client.start_workflow(
                "TicketWorkflow",
                ticket,
                id=ticket_workflow_id(ticket.ticket_id),
                task_queue=TASK_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                search_attributes=_as_opened(ticket),
                rpc_timeout=ANSWER_WITHIN,
            )
        except WorkflowAlreadyStartedError:
            return
        except (RPCError, RuntimeError) as error:
            raise _away(error) from error

    async def backlog(self) -> int:
        """How many workflow tasks wait for a worker, about. Raises TicketsUnavailable."""
        return (await self._described()).stats.approximate_backlog_count

    async def has_worker(self) -> bool:
        """Whether a worker has asked for work lately: if so, a ticket that does not answer is itself to blame."""
        try:
            pollers = (await self._described()).pollers
        except TicketsUnavailable:
            return False
        return any(utc_now() - poller.last_access_time.ToDatetime(UTC) < POLLS_WITHIN for poller in pollers)

    async def _described(self) -> DescribeTaskQueueResponse:
        request = DescribeTaskQueueRequest(
            namespace=self.client.namespace,
            task_queue=TaskQueue(name=TASK_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            report_stats=True,
        )
        try:
            return await self.client.workflow_service.describe_task_queue(request, timeout=ANSWER_WITHIN)
        except (RPCError, RuntimeError) as error:
            raise _away(error) from error

    async def post_message(self, ticket_id: TicketId, fact: MessageFact) -> SignalDelivery:
        """Tells the workflow of a message. Raises TicketsUnavailable."""
        handle = self._handle(ticket_id)
        try:
            await handle.signal("message_posted", fact, rpc_timeout=ANSWER_WITHIN)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise _away(error) from error
            return SignalDelivery.ARCHIVED if await self._has_ended(handle) else SignalDelivery.NOT_STARTED
        except RuntimeError as error:
            raise _away(error) from error
        return SignalDelivery.DELIVERED

    async def send(self, ticket_id: TicketId, command: Command) -> TicketSnapshot:
        """Carries out a command and returns the ticket after it.

        Raises Refusal (typed) if the workflow refuses, TicketsUnavailable if it does not answer in time.
        """
        handle = self._handle(ticket_id)
        try:
            answer: TicketSnapshot = await handle.execute_update(
                "command",
                command,
                id=command.command_id,
                result_type=TicketSnapshot,
                rpc_timeout=ANSWER_WITHIN,
            )
        except WorkflowUpdateFailedError as error:
            raise _refusal(error) from error
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            raise TicketStuck("the workflow did not answer in time") from error
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise _away(error) from error
            if await self._has_ended(handle):
                raise TicketArchivedError("the ticket is archived; open a follow-up instead") from error
            raise UnknownTicket("the ticket is still being opened; try again in a moment") from error
        except RuntimeError as error:
            raise _away(error) from error
        return answer

    def _handle(self, ticket_id: TicketId) -> WorkflowHandle[object, object]:
        return self.client.get_workflow_handle(ticket_workflow_id(ticket_id))

    async def _has_ended(self, handle: WorkflowHandle[object, object]) -> bool:
        try:
            description = await handle.describe(rpc_timeout=ANSWER_WITHIN)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise _away(error) from error
        return description.status is not WorkflowExecutionStatus.RUNNING


def _as_opened(ticket: OpenTicket) -> TypedSearchAttributes:
    """A new ticket's search attributes, given with the start: that costs no event of history."""
    status, _team, _assignee, priority = (SearchAttributeKey.for_keyword(name) for name in SEARCH_ATTRIBUTES)
    return TypedSearchAttributes(
        [SearchAttributePair(status, Status.NEW.value), SearchAttributePair(priority, ticket.priority.value)]
    )


def _away(error: BaseException) -> Exception:
    if isinstance(error, RPCError) and error.status is RPCStatusCode.INVALID_ARGUMENT:
        return TemporalRefused(error.message)
    return TicketsUnavailable(f"Temporal does not answer: {error}")


def _refusal(error: WorkflowUpdateFailedError) -> Exception:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type in REFUSALS:
        details = cause.details[0] if cause.details else {}
        return REFUSALS[cause.type](cause.message, **details)
    if isinstance(cause, Refusal):
        return cause
    return TicketStuck(f"the workflow could not carry out the command: {cause}")


def command_id(principal: str, route: str, ticket_id: TicketId, key: str | None) -> str:
    """The id of a command, and of its Temporal update: the same for every retry with the same Idempotency-Key."""
    if key is None:
        return str(new_id())
    return hashlib.sha256("\n".join((principal, route, str(ticket_id), key)).encode()).hexdigest()
