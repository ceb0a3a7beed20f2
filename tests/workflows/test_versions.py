"""Upgrades on the real server: who runs a ticket while two builds poll, after a promotion, and after going back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig
from typer.testing import CliRunner

from deploy.cli import versions
from deploy.cli.app import build_app
from shared.contracts.base import TicketId
from shared.contracts.commands import PendTicket, ResolveTicket
from shared.contracts.events import Envelope
from shared.contracts.names import TASK_QUEUE, WORKFLOW_DEPLOYMENT, ticket_workflow_id
from shared.contracts.vocabulary import Status
from shared.kit.bus import Bus
from shared.kit.clock import new_id, utc_now
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.tickets import Tickets
from tests.support.eventually import eventually
from tests.support.tickets import ADA, AGENT, opening, policy, triage
from tests.workflows.conftest import Announced, TicketDriver, program
from tests.workflows.test_replay import Unversioned
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


@pytest.fixture
async def desk() -> AsyncIterator[TicketDriver]:
    """A server of its own, without a worker: builds are known to a server for ever."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=program("temporal"), data_converter=pydantic_data_converter
    ) as environment:
        await ensure_search_attributes(environment.client)
        yield TicketDriver(environment.client, Announced(), environment)


def build(desk: TicketDriver, build_id: str) -> Worker:
    """A worker as the process makes it."""
    settings = WorkerSettings.model_validate({"build_id": build_id, "link_secret": "only-for-these-tests"})
    return ticket_worker(desk.client, ListedBus(desk.announced), settings)


def broken_build(desk: TicketDriver, build_id: str) -> Worker:
    """What somebody deploys who has changed the workflow's commands without a thought."""
    return Worker(
        desk.client,
        task_queue=TASK_QUEUE,
        workflows=[Unversioned],
        workflow_runner=UnsandboxedWorkflowRunner(),
        graceful_shutdown_timeout=timedelta(),
        deployment_config=WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(WORKFLOW_DEPLOYMENT, build_id),
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
        ),
    )


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


async def test_a_build_that_only_polls_gets_nothing(desk: TicketDriver) -> None:
    async with build(desk, A):
        await promote(desk.client, A)
        running = await open_ticket(desk)
        async with build(desk, B):
            await eventually(lambda: is_polling(desk, B))
            await desk.tickets.send(running, PendTicket(command_id="p", actor=AGENT))
            fresh = await open_ticket(desk)
            assert {*await builds_of(desk, running), *await builds_of(desk, fresh)} == {A}


async def test_running_tickets_move_to_the_promoted_build_and_go_on(desk: TicketDriver) -> None:
    async with build(desk, A):
        await promote(desk.client, A)
        running = await open_ticket(desk, policy=SOON)
        async with build(desk, B):
            await make_current(desk, B)
            pended = await desk.tickets.send(running, PendTicket(command_id="p", actor=AGENT))
    assert (pended.status, pended.assignee_id, pended.revision) == (Status.PENDING, ADA, 2)
    moved = await builds_of(desk, running)
    assert moved[0] == A
    assert moved[-1] == B


async def test_a_timer_armed_by_the_old_build_fires_on_the_new_one(desk: TicketDriver) -> None:
    async with build(desk, A):
        await promote(desk.client, A)
        running = await open_ticket(desk, policy=SOON)
    async with build(desk, B):
        await promote(desk.client, B)
        await eventually(lambda: "sla_breached" in desk.announced.names(running), within=20)
        await eventually(lambda: has_published_on(desk, running, B))
    [breached] = [one for one in desk.announced.of(running) if one.type == "everdesk.ticket.sla_breached.v1"]
    assert breached.time == opened_at(desk, running) + timedelta(seconds=4)


async def has_published_on(desk: TicketDriver, ticket_id: TicketId, build_id: str) -> bool:
    return (await builds_of(desk, ticket_id))[-1] == build_id


def opened_at(desk: TicketDriver, ticket_id: TicketId) -> datetime:
    return desk.announced.of(ticket_id)[0].time


async def test_going_back_is_promoting_the_old_build(desk: TicketDriver) -> None:
    async with build(desk, A), build(desk, B):
        await promote(desk.client, A)
        running = await open_ticket(desk)
        await make_current(desk, B)
        await desk.tickets.send(running, PendTicket(command_id="p", actor=AGENT))
        await make_current(desk, A)
        resolved = await desk.tickets.send(running, ResolveTicket(command_id="r", actor=AGENT))
        assert resolved.status is Status.RESOLVED
        steps = await builds_of(desk, running)
        assert B in steps
        assert steps[-1] == A


@pytest.mark.timeout(120)
async def test_a_build_that_cannot_replay_holds_tickets_up_until_the_old_one_is_promoted_again(
    desk: TicketDriver,
) -> None:
    """Its workflow tasks fail and are tried again: the ticket waits, its state and its history stay whole."""
    async with build(desk, A):
        await promote(desk.client, A)
        running = await open_ticket(desk)
        async with broken_build(desk, B):
            await make_current(desk, B)
            with pytest.raises(TicketsUnavailable):
                await desk.tickets.send(running, PendTicket(command_id="p", actor=AGENT))
            await eventually(lambda: fails_its_tasks(desk, running))
            await make_current(desk, A)
        pended = await eventually(
            lambda: Tickets(desk.client).send(running, PendTicket(command_id="p", actor=AGENT)), 60
        )
        assert (pended.status, pended.revision) == (Status.PENDING, 2)
        await eventually(lambda: desk.announced.names(running) == ["opened", "triaged", "assigned", "pended"])
        assert set(await builds_of(desk, running)) == {A}


async def fails_its_tasks(desk: TicketDriver, ticket_id: TicketId) -> bool:
    described = await desk.client.get_workflow_handle(ticket_workflow_id(ticket_id)).describe()
    return described.raw_description.pending_workflow_task.attempt > 1


async def test_an_operator_sees_promotes_and_drains_builds(desk: TicketDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(versions.ADDRESS, desk.client.service_client.config.target_host)
    async with build(desk, A), build(desk, B):
        await promote(desk.client, A)
        await open_ticket(desk)
        await eventually(lambda: is_polling(desk, B))
        assert "build-a" in await told("list")
        assert "keep its workers running" in await told("drain-status", A, expect=1)
        assert f"{B} is current" in await told("promote", B)
        listed = {one.build_id: one for one in await versions.versions(desk.client)}
        assert (listed[B].status, listed[A].status) == ("current", "draining")
        assert "Temporal refused" in await told("promote", "never-built", expect=1)


async def told(*arguments: str, expect: int = 0) -> str:
    """What the command says, in a thread because it runs a loop of its own."""
    answer = await asyncio.to_thread(CliRunner().invoke, build_app(), ["versions", *arguments])
    assert answer.exit_code == expect, answer.output
    return answer.output
