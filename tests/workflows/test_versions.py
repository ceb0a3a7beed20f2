"""Upgrades on the real server: who runs a ticket while two builds poll, after a promotion, and after going back."""

import asyncio

import pytest
from typer.testing import CliRunner

from deploy.cli import versions
from deploy.cli.app import build_app
from deploy.cli.environment import TEMPORAL_ADDRESS
from shared.contracts.commands import PendTicket, ResolveTicket
from shared.contracts.vocabulary import Status
from tests.support.eventually import eventually
from tests.support.tickets import ADA, AGENT
from tests.workflows.builds import SOON, A, B, build, builds_of, is_polling, make_current, open_ticket, own_server  # noqa: F401 - one is a fixture
from tests.workflows.driver import TicketDriver
from workflows.deployment import promote


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


async def test_an_operator_sees_promotes_and_drains_builds(desk: TicketDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TEMPORAL_ADDRESS, desk.client.service_client.config.target_host)
    async with build(desk, A), build(desk, B):
        await promote(desk.client, A)
        await open_ticket(desk)
        await eventually(lambda: is_polling(desk, B))
        assert "build-a" in await told("list")
        assert "keep its workers running" in await told("drain-status", A, expect=1)
        assert f"{B} is current" in await told("promote", B)
        listed = {one.build_id: one for one in await versions.versions(desk.client)}
        assert (listed[B].status, listed[A].status) == ("current", "draining")
        assert "No worker of never-built" in await told("promote", "never-built", expect=1)
        assert "Temporal refused" in await told("promote", "never-built", "--force", expect=1)


async def told(*arguments: str, expect: int = 0) -> str:
    """What the command says, in a thread because it runs a loop of its own."""
    answer = await asyncio.to_thread(CliRunner().invoke, build_app(), ["versions", *arguments])
    assert answer.exit_code == expect, answer.output
    return answer.output
