"""Upgrades on the real server: what the old build has armed, and a build that cannot replay."""

from datetime import datetime, timedelta

import pytest
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig

from shared.contracts.base import TicketId
from shared.contracts.commands import PendTicket
from shared.contracts.names import TASK_QUEUE, WORKFLOW_DEPLOYMENT, ticket_workflow_id
from shared.contracts.vocabulary import Status
from shared.kit import tickets
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.tickets import Tickets
from tests.support.eventually import eventually
from tests.support.tickets import AGENT
from tests.workflows.builds import SOON, A, B, build, builds_of, make_current, open_ticket, own_server  # noqa: F401 - one is a fixture
from tests.workflows.driver import TicketDriver
from tests.workflows.test_replay import Unversioned
from workflows.deployment import promote


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


@pytest.mark.timeout(120)
async def test_a_build_that_cannot_replay_holds_tickets_up_until_the_old_one_is_promoted_again(
    desk: TicketDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its workflow tasks fail and are tried again: the ticket waits, its state and its history stay whole."""
    async with build(desk, A):
        await promote(desk.client, A)
        running = await open_ticket(desk)
        async with broken_build(desk, B):
            await make_current(desk, B)
            with pytest.raises(TicketsUnavailable), monkeypatch.context() as patch:
                patch.setattr(tickets, "ANSWER_WITHIN", timedelta(seconds=2))
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
