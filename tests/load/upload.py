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
SMALL = 64 * 1024
AT_ONCE = 64
CHUNK = 256 * 1024
LIMIT_MB = 10.0
SAMPLE_SECONDS = 0.01
BOUNDARY = "everdesk-bench"
METHOD = """\
POST /v1/attachments of the running intake process, the file sent in chunks of 256 KiB as a client with the file on disk
sends it, stored in a folder with fsync. The process's resident memory is read every 10 ms while the upload runs; growth
is its peak less what it was just before. Three small uploads and one large one warm it up; then the large one is sent
three times, each with bytes of its own, and the worst growth counts. Then 64 small files at once."""


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
    pid, grown, seconds = stack.pids["intake"], [], []
    async with httpx2.AsyncClient(
        base_url=stack.urls["intake"], headers={"Authorization": f"Bearer {stack.secrets.api_key}"}, timeout=120
    ) as http:
        for size in (SMALL, SMALL, SMALL, LARGE):
            await _upload(http, size)
        for _ in range(3):
            async with _watched(pid) as samples:
                seconds.append(await _upload(http, LARGE))
            grown.append(max(samples) - samples[0])
        async with _watched(pid) as samples:
            started = time.perf_counter()
            await asyncio.gather(*(_upload(http, SMALL) for _ in range(AT_ONCE)))
            crowd_seconds = time.perf_counter() - started
        crowd = max(samples) - samples[0]
    report = Report("upload", "Uploading files", METHOD)
    report.tables = [
        Table(
            "Growth of intake's resident memory",
            ("upload", "seconds", "MB more at the peak"),
            [
                *([f"50 MB, run {n + 1}", seconds[n], grown[n]] for n in range(3)),
                [f"{AT_ONCE} x 64 KiB at once", crowd_seconds, crowd],
            ],
        )
    ]
    report.budgets = [Budget("growth during a 50 MB upload, MB", max(grown), "<=", LIMIT_MB)]
    return report
