"""The disk under a running stack fills up: readiness tells the truth, nothing accepted is lost, and all comes back."""

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx2
import psutil
import pytest

from shared.kit.clock import new_id
from tests.local.running import LocalStack
from tests.support.api import Json, System, status_is
from tests.support.eventually import eventually

DISK = "900m"
SERVICES = ("intake", "assignment", "notification")


@pytest.fixture
def small_disk() -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root may mount the small disk this test fills")
    folder = Path(tempfile.mkdtemp(prefix="everdesk-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=711", "tmpfs", str(folder)], check=False)
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip("mounting a tmpfs is not permitted here (in a container: --cap-add SYS_ADMIN)")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


@pytest.fixture
async def stack(small_disk: Path) -> AsyncIterator[LocalStack]:
    running = LocalStack.in_folder(small_disk, has_stubs=False)
    await running.start(within=120)
    yield running
    await running.stop()


def fill(disk: Path) -> Path:
    """To the last byte, and again when somebody has given something back."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (1024**2, 4096, 1):
            with suppress(OSError):
                while file.write(b"\0" * size):
                    pass
    return ballast


async def keep_full(disk: Path) -> None:
    while True:
        await asyncio.to_thread(fill, disk)
        await asyncio.sleep(0.5)


async def readiness(http: httpx2.AsyncClient, url: str) -> tuple[int, Json]:
    try:
        got = await http.get(f"{url}/readyz", timeout=5)
    except httpx2.TransportError:
        return 0, {}
    return got.status_code, got.json()


async def submit(http: httpx2.AsyncClient, system: System, number: int) -> str | None:
    """The ticket's id if it was accepted; None if the service said that it cannot now."""
    body = {
        "requester": {"email": f"dana{number}@bank.example", "name": "Dana Ruiz"},
        "subject": f"Log-in fails, number {number}",
        "body": "It answers 502. " * 200,
        "body_format": "text",
        "topic": "online-banking",
    }
    headers = {"Authorization": f"Bearer {system.intake.token}", "Idempotency-Key": str(new_id())}
    try:
        answer = await http.post(f"{system.intake.base_url}/v1/tickets", json=body, headers=headers, timeout=30)
    except httpx2.TransportError:
        return None
    assert answer.status_code in (201, 503), answer.text
    return str(answer.json()["id"]) if answer.status_code == 201 else None


async def test_a_full_disk_is_told_and_survived(stack: LocalStack, small_disk: Path) -> None:
    system = System(stack.described())
    assert "the event stream may hold" in stack.text
    async with httpx2.AsyncClient() as http:
        accepted = [await submit(http, system, 0)]
        filling = asyncio.create_task(keep_full(small_disk))
        temporal = stack.described()["pids"]["temporal"]
        try:
            accepted += await until_it_is_told(http, system)
            psutil.Process(temporal).send_signal(signal.SIGSTOP)
        finally:
            filling.cancel()
            await asyncio.gather(filling, return_exceptions=True)
            (small_disk / "ballast").unlink()
        for service in SERVICES:
            await eventually(partial(is_well, http, stack.described()["urls"][service]), within=120)
        accepted.append(await eventually(partial(submit, http, system, 999), within=20))
    await eventually(lambda: is_another(stack, temporal), within=60)
    ada = await system.sign_in("ada@everdesk.example")
    arrived = [ticket_id for ticket_id in accepted if ticket_id is not None]
    assert len(arrived) >= 2
    for ticket_id in arrived:
        await status_is(ada, ticket_id, "open", within=60)


async def until_it_is_told(http: httpx2.AsyncClient, system: System) -> list[str | None]:
    """Goes on submitting until readiness names what is wrong; a refusal must be told within seconds."""
    accepted: list[str | None] = []

    async def is_told() -> bool:
        accepted.append(await submit(http, system, len(accepted) + 1))
        status, said = await readiness(http, system.intake.base_url)
        return status != 200 or bool({"stream", "outbox", "bus"} & set(said["degraded"]))

    await eventually(is_told, within=60)
    return accepted


async def is_well(http: httpx2.AsyncClient, url: str) -> bool:
    status, said = await readiness(http, url)
    assert (status, said.get("degraded")) == (200, []), (status, said)
    return True


def is_another(stack: LocalStack, pid: int) -> bool:
    with suppress(FileNotFoundError):
        return bool(stack.described()["pids"]["temporal"] != pid)
    return False
