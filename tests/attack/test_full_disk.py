"""The disk under a running stack fills up: readiness tells the truth, nothing accepted is lost, and all comes back."""

import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.local.running import LocalStack
from tests.support.api import SystemClients, status_is
from tests.support.eventually import eventually
from tests.support.small_disk import NoSmallDiskError, filled, is_told, is_well, small_disk, submit

SERVICES = ("intake", "assignment", "notification")


@pytest.fixture
def disk() -> Iterator[Path]:
    try:
        with small_disk() as mounted:
            yield mounted
    except NoSmallDiskError as reason:
        pytest.skip(f"no small disk to fill: {reason}")


@pytest.fixture
async def stack(disk: Path) -> AsyncIterator[LocalStack]:
    running = LocalStack.in_folder(disk, has_stubs=False)
    await running.start(within=120)
    yield running
    await running.stop()


async def test_a_full_disk_is_told_and_survived(stack: LocalStack, disk: Path) -> None:
    system = SystemClients(stack.described())
    assert "the event stream may hold" in stack.text
    async with httpx2.AsyncClient() as http:
        accepted = [await submit(http, system, 0)]
        temporal = stack.described()["pids"]["temporal"]
        async with filled(disk):
            accepted += await until_it_is_told(http, system)
            psutil.Process(temporal).send_signal(signal.SIGSTOP)
        for service in SERVICES:
            await eventually(partial(is_well, http, stack.described()["urls"][service]), within=120)
        accepted.append(await eventually(partial(submit, http, system, 999), within=20))
    await eventually(lambda: is_another(stack, temporal), within=60)
    ada = await system.sign_in("ada@everdesk.example")
    arrived = [ticket_id for ticket_id in accepted if ticket_id is not None]
    assert len(arrived) >= 2
    for ticket_id in arrived:
        await status_is(ada, ticket_id, "open", within=60)


async def until_it_is_told(http: httpx2.AsyncClient, system: SystemClients) -> list[str | None]:
    """Goes on submitting until readiness names what is wrong; what came of each."""
    accepted: list[str | None] = []

    async def told() -> bool:
        accepted.append(await submit(http, system, len(accepted) + 1))
        return await is_told(http, system.intake.base_url)

    await eventually(told, within=60)
    return accepted


def is_another(stack: LocalStack, pid: int) -> bool:
    with suppress(FileNotFoundError):
        return bool(stack.described()["pids"]["temporal"] != pid)
    return False
