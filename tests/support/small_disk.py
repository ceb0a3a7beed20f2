"""A small disk of its own that can be filled to the last byte, for whole stacks that run on it."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpx2

from shared.kit.clock import new_id
from tests.support.api import Json, SystemClients

SIZE = "900m"


class NoSmallDiskError(Exception):
    """It cannot be mounted here; the message says why."""


@contextmanager
def small_disk() -> Iterator[Path]:
    """Where it is mounted. Raises NoSmallDiskError."""
    if os.geteuid() != 0:
        raise NoSmallDiskError("only root may mount a disk")
    folder = Path(tempfile.mkdtemp(prefix="everdesk-disk-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=711", "tmpfs", str(folder)]
    if subprocess.run(command, check=False).returncode != 0:
        folder.rmdir()
        raise NoSmallDiskError("mounting a tmpfs is not permitted here (in a container: --cap-add SYS_ADMIN)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def _fill(ballast: Path) -> None:
    with ballast.open("ab", buffering=0) as file:
        for size in (1024**2, 4096, 1):
            with suppress(OSError):
                while file.write(b"\0" * size):
                    pass


async def _keep_full(ballast: Path) -> None:
    while True:
        await asyncio.to_thread(_fill, ballast)
        await asyncio.sleep(0.5)


@asynccontextmanager
async def filled(disk: Path) -> AsyncIterator[None]:
    """To the last byte for as long as the block lasts, also when somebody gives something back."""
    ballast = disk / "ballast"
    filling = asyncio.create_task(_keep_full(ballast))
    try:
        yield
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
        await asyncio.to_thread(ballast.unlink)


async def readiness(http: httpx2.AsyncClient, url: str) -> tuple[int, Json]:
    """Status and body of `/readyz`; 0 when nobody answers."""
    try:
        got = await http.get(f"{url}/readyz", timeout=5)
    except httpx2.TransportError:
        return 0, {}
    return got.status_code, got.json()


async def is_told(http: httpx2.AsyncClient, url: str) -> bool:
    """Whether readiness names what a full disk takes away."""
    status, said = await readiness(http, url)
    return status != 200 or bool({"stream", "outbox", "bus"} & set(said["degraded"]))


async def is_well(http: httpx2.AsyncClient, url: str) -> bool:
    """Ready, and nothing degraded."""
    status, said = await readiness(http, url)
    assert (status, said.get("degraded")) == (200, []), (status, said)
    return True


async def submit(http: httpx2.AsyncClient, system: SystemClients, number: int) -> str | None:
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
