"""What an upload of 50 MB costs intake in memory, and what many small ones at once cost."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from tests.load.meter import rss_megabytes
from tests.load.report import Budget, Report, Table
from tests.load.system import System, system

LARGE = 50 * 1000 * 1000
SMALL = 64 * 1000
CROWDS = ((64, SMALL), (16, 10 * 1000 * 1000))
CHUNK = 256 * 1024
LIMIT_MB = 10.0
SAMPLE_SECONDS = 0.01
BOUNDARY = "everdesk-bench"
METHOD = """\
POST /v1/attachments of the running intake process, the file sent in chunks of 256 KiB as a client with the file on disk
sends it, stored in a folder with fsync. The process's resident memory is read every 10 ms while the upload runs; growth
is its peak less what it was just before. Three small uploads warm it up; then a large one is sent four times, each with
bytes of its own, and the worst growth counts, the first among them. Then 64 small files at once, and 16 of 10 MB."""


async def _body(seed: bytes, size: int) -> AsyncIterator[bytes]:
    yield f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'.encode()
    block = seed * (CHUNK // len(seed))
    for at in range(0, size, CHUNK):
        yield block[: size - at]
    yield f"\r\n--{BOUNDARY}--\r\n".encode()


async def _upload(http: httpx2.AsyncClient, size: int) -> float:
    """Seconds until it was durable."""
    started = time.perf_counter()
    answer = await http.post(
        "/v1/attachments",
        content=_body(os.urandom(1024), size),
        headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
    )
    if answer.status_code != httpx2.codes.CREATED or answer.json()["size"] != size:
        raise RuntimeError(f"refused: {answer.status_code} {answer.text[:200]}")
    return time.perf_counter() - started


@asynccontextmanager
async def _watched(pid: int) -> AsyncIterator[list[float]]:
    """The memory before, and then every few milliseconds."""
    samples = [rss_megabytes(pid)]

    async def sample() -> None:
        while True:
            samples.append(rss_megabytes(pid))
            await asyncio.sleep(SAMPLE_SECONDS)

    task = asyncio.create_task(sample())
    try:
        yield samples
    finally:
        task.cancel()


async def run() -> Report:
    """About half a minute."""
    os.environ["EVERDESK_MAX_FILE_BYTES"] = str(2 * LARGE)
    try:
        async with system("postgres", "nats", "intake") as stack:
            return await _measured(stack)
    finally:
        del os.environ["EVERDESK_MAX_FILE_BYTES"]


async def _measured(stack: System) -> Report:
    pid = stack.pids["intake"]
    async with httpx2.AsyncClient(
        base_url=stack.urls["intake"], headers={"Authorization": f"Bearer {stack.secrets.api_key}"}, timeout=120
    ) as http:
        for _ in range(3):
            await _upload(http, SMALL)
        alone = [await _crowd(http, pid, 1, LARGE) for _ in range(4)]
        crowds = [await _crowd(http, pid, count, size) for count, size in CROWDS]
    report = Report("upload", "Uploading files", METHOD)
    report.tables = [
        Table("Growth of intake's resident memory", ("upload", "seconds", "MB more at the peak"), [*alone, *crowds])
    ]
    report.budgets = [Budget("growth during a 50 MB upload, MB", max(grown for _, _, grown in alone), "<=", LIMIT_MB)]
    return report


async def _crowd(http: httpx2.AsyncClient, pid: int, count: int, size: int) -> tuple[str, float, float]:
    """Uploads at once: what they were, seconds, growth in MB."""
    async with _watched(pid) as samples:
        started = time.perf_counter()
        await asyncio.gather(*(_upload(http, size) for _ in range(count)))
        seconds = time.perf_counter() - started
    return f"{count} x {size // 1000} kB", seconds, max(samples) - samples[0]
