"""What every service process does the same way: background tasks that are restarted, and serving HTTP."""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

from shared.kit.garbage import tune_gc
from shared.kit.http.connection_guard import GuardedConnection
from shared.kit.outages import is_unreachable
from shared.kit.priority import lower_priority
from shared.kit.settings import Settings
from shared.kit.stopping import Stopping
from shared.kit.telemetry import log

Job = Callable[[], Coroutine[Any, Any, None]]
RESTART_SECONDS = 1.0
CANCEL_AGAIN_SECONDS = 0.5
SPARE_FILES = 512
"""For databases, files and the like, beside the connections of clients."""


@asynccontextmanager
async def background(
    jobs: dict[str, Job], stopping: Stopping | None = None, kept: Collection[str] = ()
) -> AsyncIterator[None]:
    """Runs jobs for as long as the block lasts; one that fails is logged and started again.

    Once the process is told to stop, other processes get the jobs at once, before the requests under way are finished;
    `kept` names those that these requests need, which go on to the end of the block.
    """
    tasks = {name: asyncio.create_task(_forever(name, job), name=name) for name, job in jobs.items()}
    handing_over: list[asyncio.Task[None]] = []

    def hand_over() -> None:
        given = [task for name, task in tasks.items() if name not in kept]
        handing_over.append(asyncio.create_task(_end(given)))

    if stopping is not None:
        stopping.when_begun(hand_over)
    try:
        yield
    finally:
        await asyncio.gather(*handing_over)
        await _end([task for task in tasks.values() if not task.done()])


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancels tasks until each has ended.

    Python 3.11's `asyncio.wait_for` forgets a cancellation that comes at the moment of its result: an event that
    arrives just then would let its consumer go on for ever, so the tasks are told again.
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)


async def _forever(name: str, job: Job) -> None:
    while True:
        try:
            await job()
        except Exception as error:  # noqa: BLE001 - a job must not end because one round of it failed
            if is_unreachable(error):
                log.warning("job.waits", job=name, error=repr(error))
            else:
                log.error("job.failed", job=name, exc_info=error)
        await asyncio.sleep(RESTART_SECONDS)


def allow_files(wanted: int) -> None:
    """Raises the number of files and connections this process may have open, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


TICK_SECONDS = 1.0
NOTICE_TICK_SECONDS = 0.1
BESIDE_AGENTS = 5
"""The niceness of the process that takes tickets in: a flood of them slows agents at their work less."""
IN_THE_BACKGROUND = 10
"""The niceness of a process that nobody waits for: mails, in and out, give way to those who look at a page."""


def serve(app: Starlette, settings: Settings, *, niceness: int = 0) -> None:
    """Serves until SIGTERM or SIGINT, for a notice until others get the requests, and finishes those under way."""
    if niceness:
        lower_priority(niceness)
    tune_gc()
    allow_files(settings.max_connections + SPARE_FILES)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=GuardedConnection,
        limit_concurrency=settings.max_connections,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=10,
        proxy_headers=False,
    )
    QuietServer(config, app.state.stopping, settings.stop_notice_seconds).run()


class QuietServer(uvicorn.Server):
    """Wakes once a second instead of ten times, for the date in its answers; a signal ends its sleep at once.

    It is told to stop by a signal. For `notice` seconds it goes on taking requests, saying on `/readyz` and with
    `Connection: close` that the next ones go elsewhere: whoever balances them has then left before a connection is
    refused or, kept alive, closed under a request that is on its way.
    """

    def __init__(self, config: uvicorn.Config, stopping: Stopping, notice: float = 0.0) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._notice = notice
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_told = asyncio.Event()

    async def main_loop(self) -> None:
        """Until it is to exit."""
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._is_told.wait()
        log.info("process.stops", notice_seconds=self._notice)
        self._stopping.begin()
        await self._give_notice()

    async def _give_notice(self) -> None:
        """Serves on; a second signal ends it."""
        self.config.encoded_headers.append((b"connection", b"close"))
        until = time.monotonic() + self._notice
        while time.monotonic() < until and not self.force_exit:
            await self.on_tick(0)
            await asyncio.sleep(NOTICE_TICK_SECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to stop."""
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._is_told.set)
