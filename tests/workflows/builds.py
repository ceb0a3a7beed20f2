"""Builds of the workflows that poll one server, and the tickets they run."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from functools import partial

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from deploy.cli import versions
from shared.contracts.base import TicketId
from shared.contracts.events import Envelope
from shared.contracts.names import ticket_workflow_id
from shared.kit.bus import Bus
from shared.kit.clock import new_id, utc_now
from tests.support.eventually import eventually
from tests.support.tickets import ADA, opening, policy, triage
from tests.workflows.driver import Announced, TicketDriver, program
from workflows import worker as worker_process
from workflows.deployment import promote
from workflows.provisioning import ensure_search_attributes
from workflows.worker import WorkerSettings, ticket_worker

A, B = "build-a", "build-b"
SOON = policy("Soon", targets={"normal": {"resolution": 4}}, warn_at=())


class ListedBus(Bus):
    """Keeps what is published in a list."""

    def __init__(self, announced: Announced) -> None:
        self._announced = announced

    async def publish_all(self, envelopes: Sequence[Envelope]) -> None:
        await self._announced.publish_events(list(envelopes))


@pytest.fixture(name="desk")
async def own_server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TicketDriver]:
    """A server of its own, without a worker: builds are known to a server for ever.

    A step that waits for a build which has ended is given to another after two seconds, in operation after ten; so is
    one that a build has failed twice, as nobody is told of the second time.
    """
    hasty = partial(Worker, sticky_queue_schedule_to_start_timeout=timedelta(seconds=2))
    monkeypatch.setattr(worker_process, "Worker", hasty)
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=program("temporal"),
        data_converter=pydantic_data_converter,
        dev_server_extra_args=["--dynamic-config-value", 'history.defaultWorkflowTaskTimeout="3s"'],
    ) as environment:
        await ensure_search_attributes(environment.client)
        yield TicketDriver(environment.client, Announced(), environment)


def build(desk: TicketDriver, build_id: str) -> Worker:
    """A worker as the process makes it."""
    settings = WorkerSettings.model_validate({"build_id": build_id, "link_secret": "only-for-these-tests"})
    return ticket_worker(desk.client, ListedBus(desk.announced), settings)


async def open_ticket(desk: TicketDriver, **changes: object) -> TicketId:
    ticket_id = TicketId(new_id())
    await desk.tickets.start(opening(ticket_id, at=utc_now()))
    await desk.tickets.send(ticket_id, triage(f"triage:{ticket_id}", agent_id=ADA, **changes))
    await eventually(lambda: "assigned" in desk.announced.names(ticket_id))
    return ticket_id


async def builds_of(desk: TicketDriver, ticket_id: TicketId) -> list[str]:
    """The build of each finished step of a ticket, in order."""
    history = await desk.client.get_workflow_handle(ticket_workflow_id(ticket_id)).fetch_history()
    done = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    return [
        event.workflow_task_completed_event_attributes.deployment_version.build_id
        for event in history.events
        if event.event_type == done
    ]


async def is_polling(desk: TicketDriver, build_id: str) -> bool:
    return build_id in {one.build_id for one in await versions.versions(desk.client)}


async def make_current(desk: TicketDriver, build_id: str) -> None:
    """Promotes a build and waits until the server's queues have heard of it: new tickets start on it."""
    await promote(desk.client, build_id)

    async def starts_there() -> bool:
        ticket_id = TicketId(new_id())
        await desk.tickets.start(opening(ticket_id, at=utc_now()))
        return set(await eventually(lambda: builds_of(desk, ticket_id))) == {build_id}

    await eventually(starts_there)
