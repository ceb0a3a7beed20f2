"""The way from the world to a ticket's workflow: start, commands and messages, each answered with its events."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, timedelta
from enum import StrEnum
from typing import Any

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import GrpcCompression, RPCError, RPCStatusCode

from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TicketId, WireModel
from shared.contracts.commands import Command, MessageFact, OpenTicket
from shared.contracts.names import SEARCH_ATTRIBUTES, TASK_QUEUE, message_update_id, ticket_workflow_id
from shared.contracts.tickets import TicketSnapshot
from shared.contracts.vocabulary import Status
from shared.domain.errors import REFUSALS, Refusal, TicketArchivedError, UnknownTicket
from shared.kit.background_limit import AnswerTimes, BackgroundLimit
from shared.kit.clock import new_id, utc_now
from shared.kit.commands_under_way import CommandsUnderWay
from shared.kit.settings import Settings
from shared.kit.ticket_errors import TicketsOutOfReach, TicketStuck, TicketsUnavailable
from shared.kit.tracing import ENTITY, SpanKind, span
from shared.kit.updates_under_way import UpdatesUnderWay

OPENINGS_AT_ONCE = 8
"""New tickets that are opened at once at most; fewer while that slows agents' commands."""
ANSWER_WITHIN = timedelta(seconds=5)
ALIVE_WITHIN = timedelta(seconds=2)
CONNECTING_SECONDS = 2.0
"""Added to those, which begin with a connection: one to an address that nobody has is tried for minutes."""
RETRIEVE_SECONDS = 0.1
POLLS_WITHIN = timedelta(seconds=90)
"""A worker that lives asks for work at least this often."""


NO_NAMESPACE = b"NamespaceNotFoundFailure"
HANDLER_NOT_FOUND = "expected but not found"
"""How the SDK rejects an update for which the workflow's code has no handler."""


class TemporalRefused(Exception):
    """Temporal will never take this request as it is."""


class HandlerMissing(Exception):
    """The workflow runs on code that does not know the update."""


class SignalDelivery(StrEnum):
    """What became of a message fact."""

    DELIVERED = "delivered"
    NOT_STARTED = "not_started"
    ARCHIVED = "archived"


class Tickets:
    """A client of every ticket's workflow. Connects on first use, so a service starts while Temporal is away."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.under_way = CommandsUnderWay()
        self._updates = UpdatesUnderWay()
        self._answer_times = AnswerTimes()
        self._openings = BackgroundLimit(OPENINGS_AT_ONCE, self._answer_times)

    @classmethod
    async def connect(cls, settings: Settings) -> "Tickets":
        """A lazily connecting client."""
        return cls(
            await Client.connect(
                settings.temporal_address,
                namespace=settings.temporal_namespace,
                data_converter=pydantic_data_converter,
                grpc_compression=GrpcCompression.NONE,
                lazy=True,
            )
        )

    async def ping(self) -> None:
        """Raises TicketsUnavailable unless Temporal answers."""
        try:
            async with _deadline(ALIVE_WITHIN):
                await self.client.service_client.check_health(timeout=ALIVE_WITHIN)
        except (RPCError, RuntimeError) as error:
            raise TicketsUnavailable(str(error)) from error

    async def start(self, ticket: OpenTicket) -> None:
        """Starts a ticket's workflow; starting it again does nothing. Raises TicketsUnavailable."""
        try:
            async with _deadline():
                await self.client.start_workflow(
                    "TicketWorkflow",
                    ticket,
                    id=ticket_workflow_id(ticket.ticket_id),
                    task_queue=TASK_QUEUE,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    search_attributes=_as_opened(ticket) if ticket.has_search_attributes else None,
                    rpc_timeout=ANSWER_WITHIN,
                )
        except WorkflowAlreadyStartedError:
            return
        except (RPCError, RuntimeError) as error:
            raise _unavailable(error) from error

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
            async with _deadline():
                return await self.client.workflow_service.describe_task_queue(request, timeout=ANSWER_WITHIN)
        except (RPCError, RuntimeError) as error:
            raise _unavailable(error) from error

    async def post_message(self, ticket_id: TicketId, fact: MessageFact) -> SignalDelivery:
        """Signals a message, whose events the workflow then publishes itself. Raises TicketsUnavailable."""
        handle = self._handle(ticket_id)
        try:
            async with _deadline():
                await handle.signal("message_posted", fact, rpc_timeout=ANSWER_WITHIN)
        except RPCError as error:
            if not _tells_of_a_ticket(error):
                raise _unavailable(error) from error
            return SignalDelivery.ARCHIVED if await self._has_ended(handle) else SignalDelivery.NOT_STARTED
        except RuntimeError as error:
            raise _unavailable(error) from error
        return SignalDelivery.DELIVERED

    async def record_message(self, ticket_id: TicketId, fact: MessageFact) -> CommandAnswer:
        """Tells the workflow of a message; the caller announces the events of the answer.

        A ticket that still runs on older code takes it as a signal, and announces them itself. Raises UnknownTicket
        before the ticket's workflow has started, TicketArchivedError after it has ended, TicketsUnavailable.
        """
        try:
            return await self._ask(ticket_id, "message", fact, message_update_id(fact.message_id))
        except HandlerMissing:
            await self.post_message(ticket_id, fact)
            return CommandAnswer(snapshot=await self._handle(ticket_id).query("snapshot", result_type=TicketSnapshot))

    async def send(self, ticket_id: TicketId, command: Command) -> TicketSnapshot:
        """Carries out a command and returns the ticket; the workflow announces the events. Raises as execute."""
        return (await self._ask(ticket_id, "command", command, command.command_id)).snapshot

    async def execute(self, ticket_id: TicketId, command: Command) -> CommandAnswer:
        """Carries out a command; the caller announces the events of the answer, which a repeated command gets again.

        Raises Refusal (typed) if the workflow refuses, TicketsUnavailable if it does not answer in time.
        """
        with self.under_way.holding([command.command_id]), self._answer_times.timed():
            return await self._ask(ticket_id, "command", _with_events(command), command.command_id)

    async def open_and_execute(self, ticket: OpenTicket, command: Command) -> CommandAnswer:
        """Starts the ticket's workflow if there is none yet, and carries out a command, both in one request.

        The events of the opening are part of the answer. Waits for its turn while commands are answered slowly. Raises
        as execute.
        """
        start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            "TicketWorkflow",
            ticket,
            id=ticket_workflow_id(ticket.ticket_id),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=_as_opened(ticket) if ticket.has_search_attributes else None,
        )
        async with self._openings.place():
            return await self._open(ticket.ticket_id, command, start)

    async def _open(
        self, ticket_id: TicketId, command: Command, start: WithStartWorkflowOperation[Any, Any]
    ) -> CommandAnswer:
        try:
            with span("temporal open and command", SpanKind.CLIENT, **_entity(ticket_id)):
                async with _answered(), self._updates.place(ticket_id):
                    answer: CommandAnswer = await self.client.execute_update_with_start_workflow(
                        "command",
                        _with_events(command),
                        id=command.command_id,
                        result_type=CommandAnswer,
                        start_workflow_operation=start,
                        rpc_timeout=ANSWER_WITHIN,
                    )
        except WorkflowAlreadyStartedError as ended:
            await _retrieve(start)
            return await self._remembered(ticket_id, command.command_id, ended)
        except TicketsUnavailable:
            await _retrieve(start)
            raise
        return answer

    async def find_answer(self, ticket_id: TicketId, update_id: str) -> CommandAnswer | None:
        """What a command or message was answered with; None if it never took effect, and now never will.

        Only to be asked once nobody sends it any more. Raises Refusal, TicketsUnavailable.
        """
        handle = self._handle(ticket_id)
        try:
            async with _answered():
                answer: CommandAnswer = await handle.get_update_handle(update_id, result_type=CommandAnswer).result(
                    rpc_timeout=ANSWER_WITHIN
                )
                return answer
        except RPCError:
            return await self._query_answer(handle, update_id)

    async def _query_answer(self, handle: WorkflowHandle[object, object], update_id: str) -> CommandAnswer | None:
        """The answer as the workflow remembers it: of an earlier run, or of one that has ended."""
        try:
            async with _answered():
                known = await handle.query("answer", update_id, rpc_timeout=ANSWER_WITHIN)
                return None if known is None else CommandAnswer.model_validate(known)
        except (RPCError, WorkflowQueryFailedError):
            return None

    async def _ask(self, ticket_id: TicketId, update: str, argument: WireModel, update_id: str) -> CommandAnswer:
        handle = self._handle(ticket_id)
        try:
            with span(f"temporal {update}", SpanKind.CLIENT, **_entity(ticket_id)):
                async with _answered(), self._updates.place(ticket_id):
                    answer: CommandAnswer = await handle.execute_update(
                        update, argument, id=update_id, result_type=CommandAnswer, rpc_timeout=ANSWER_WITHIN
                    )
        except RPCError as error:
            if await self._has_ended(handle):
                return await self._remembered(ticket_id, update_id, error)
            raise UnknownTicket("the ticket is still being opened; try again in a moment") from error
        return answer

    async def _remembered(self, ticket_id: TicketId, update_id: str, ended: Exception) -> CommandAnswer:
        """The first answer to what is sent again after the workflow has ended."""
        answer = await self.find_answer(ticket_id, update_id)
        if answer is None:
            raise TicketArchivedError("the ticket is archived; open a follow-up instead") from ended
        return answer

    def _handle(self, ticket_id: TicketId) -> WorkflowHandle[object, object]:
        return self.client.get_workflow_handle(ticket_workflow_id(ticket_id))

    async def _has_ended(self, handle: WorkflowHandle[object, object]) -> bool:
        try:
            async with _deadline():
                description = await handle.describe(rpc_timeout=ANSWER_WITHIN)
        except RPCError as error:
            if _tells_of_a_ticket(error):
                return False
            raise _unavailable(error) from error
        return description.status is not WorkflowExecutionStatus.RUNNING


def _entity(ticket_id: TicketId) -> dict[str, str]:
    return {ENTITY: str(ticket_id)}


def _as_opened(ticket: OpenTicket) -> TypedSearchAttributes:
    """A new ticket's search attributes, given with the start: that costs no event of history."""
    status, _team, _assignee, priority = (SearchAttributeKey.for_keyword(name) for name in SEARCH_ATTRIBUTES)
    return TypedSearchAttributes(
        [SearchAttributePair(status, Status.NEW.value), SearchAttributePair(priority, ticket.priority.value)]
    )


def _with_events(command: Command) -> Command:
    return command.model_copy(update={"returns_events": True})


async def _retrieve(start: WithStartWorkflowOperation[Any, Any]) -> None:
    """Takes the error that a failed start keeps as well; it would be logged as never retrieved."""
    try:
        with suppress(Exception):
            async with asyncio.timeout(RETRIEVE_SECONDS):
                await start.workflow_handle()
    except asyncio.CancelledError:  # ours, or that by which the start was ended at its deadline
        if (task := asyncio.current_task()) and task.cancelling():
            raise


@asynccontextmanager
async def _deadline(within: timedelta = ANSWER_WITHIN) -> AsyncIterator[None]:
    """Ends a request that has not come back in time, whatever it waits for. Raises TicketsUnavailable."""
    try:
        async with asyncio.timeout(within.total_seconds() + CONNECTING_SECONDS) as limit:
            yield
    except Exception as error:
        if not limit.expired():
            raise
        raise TicketsUnavailable("Temporal does not answer: it cannot be connected to") from error


@asynccontextmanager
async def _answered() -> AsyncIterator[None]:
    """Raises what callers know instead of what the client raises; only that there is no such workflow passes."""
    async with _deadline():
        with _translated():
            yield


@contextmanager
def _translated() -> Iterator[None]:
    """Raises what callers know instead of what the client raises; only that there is no such workflow passes."""
    try:
        yield
    except WorkflowUpdateFailedError as error:
        raise _refusal(error) from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        raise TicketStuck("the workflow did not answer in time") from error
    except RPCError as error:
        if _tells_of_a_ticket(error):
            raise
        raise _unavailable(error) from error
    except RuntimeError as error:
        raise _unavailable(error) from error


def _tells_of_a_ticket(error: RPCError) -> bool:
    """Whether there is no such workflow. A namespace that is not there, or not yet, is an outage of Temporal."""
    return error.status is RPCStatusCode.NOT_FOUND and NO_NAMESPACE not in error.raw_grpc_status


def _unavailable(error: BaseException) -> Exception:
    if isinstance(error, RuntimeError) and not isinstance(error, RPCError):
        return TicketsOutOfReach(f"Temporal cannot be reached: {error}")
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
    if isinstance(cause, ApplicationError) and HANDLER_NOT_FOUND in cause.message:
        return HandlerMissing(cause.message)
    return TicketStuck(f"the workflow could not carry out the command: {cause}")


def command_id(principal: str, route: str, ticket_id: TicketId, key: str | None) -> str:
    """The id of a command, and of its Temporal update: the same for every retry with the same Idempotency-Key."""
    if key is None:
        return str(new_id())
    return hashlib.sha256("\n".join((principal, route, str(ticket_id), key)).encode()).hexdigest()
