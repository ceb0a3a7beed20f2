"""What a ticket's workflow has announced since an instant, read from its history: under the same ids as then."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from shared.contracts.answers import CommandAnswer
from shared.contracts.events import Envelope
from workflows.options import PUBLISH_EVENTS

PREFIX = "ticket-"
PAGE = 40


@dataclass
class TicketAnnouncements:
    """One ticket's events since the instant, by their ids."""

    ticket_id: UUID
    events: dict[str, Envelope] = field(default_factory=dict)

    @property
    def newest_seq(self) -> int:
        """The highest number among them; 0 if there are none."""
        return max((int(str(each.data.get("seq", 0))) for each in self.events.values()), default=0)


async def ticket_runs(client: Client, since: datetime) -> AsyncIterator[UUID]:
    """Tickets whose workflow runs, or has ended since the instant."""
    moment = since.astimezone(UTC).isoformat().replace("+00:00", "Z")
    query = f"WorkflowType = 'TicketWorkflow' AND (ExecutionStatus = 'Running' OR CloseTime >= '{moment}')"
    seen: set[str] = set()
    async for run in client.list_workflows(query):
        if run.id.startswith(PREFIX) and run.id not in seen:
            seen.add(run.id)
            yield UUID(run.id.removeprefix(PREFIX))


async def announced_since(client: Client, ticket_id: UUID, since: datetime) -> TicketAnnouncements | None:
    """Reads a history backwards, as far as the instant: for a ticket that slept, one page. None without a workflow."""
    found, run_id, token = TicketAnnouncements(ticket_id), "", b""
    while True:
        request = GetWorkflowExecutionHistoryReverseRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=f"{PREFIX}{ticket_id}", run_id=run_id),
            maximum_page_size=PAGE,
            next_page_token=token,
        )
        try:
            page = await client.workflow_service.get_workflow_execution_history_reverse(request, retry=True)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return found if found.events else None
            raise
        before = ""
        for event in page.history.events:
            if event.event_time.ToDatetime(UTC) < since:
                return found
            for envelope in _envelopes(event):
                found.events.setdefault(envelope.id, envelope)
            before = event.workflow_execution_started_event_attributes.continued_execution_run_id or before
        token = page.next_page_token
        if not token:
            if not before:
                return found
            run_id = before


def _envelopes(event: HistoryEvent) -> list[Envelope]:
    """The events that a step announced: by its activity, or by the answer to an update."""
    if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name == PUBLISH_EVENTS:
            return [Envelope.model_validate(each) for each in _first(scheduled.input)]
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
        outcome = event.workflow_execution_update_completed_event_attributes.outcome
        if outcome.HasField("success") and (answer := _first(outcome.success)):
            return list(CommandAnswer.model_validate(answer).events)
    return []


def _first(payloads: Any) -> Any:
    return json.loads(payloads.payloads[0].data) if payloads.payloads else []
