"""What every service process does the same way: background tasks that are restarted, and serving HTTP."""

import asyncio
import gc
import os
import resource
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

from shared.kit.http.connection_guard import GuardedConnection
from shared.kit.outages import is_unreachable
from shared.kit.priority import lower_priority
from shared.kit.settings import Settings
from shared.kit.telemetry import log

Job = Callable[[], Coroutine[Any, Any, None]]
RESTART_SECONDS = 1.0
CANCEL_AGAIN_SECONDS = 0.5
SPARE_FILES = 512
"""For databases, files and the like, beside the connections of clients."""


@asynccontextmanager
async def background(jobs: dict[str, Job]) -> AsyncIterator[None]:
    """Runs jobs for as long as the block lasts; one that fails is logged and started again."""
    tasks = [asyncio.create_task(_forever(name, job), name=name) for name, job in jobs.items()]
    try:
        yield
    finally:
        await _end(tasks)


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


def tune_gc() -> None:
    """What is loaded by now lives for ever, so it is not walked again; what comes is mostly freed by counting.

    Call it once everything is imported and built: measured, a busy service spends about a twentieth less.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def allow_files(wanted: int) -> None:
    """Raises the number of files and connections this process may have open, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


TICK_SECONDS = 1.0
IN_THE_BACKGROUND = 10
"""The niceness of a process that nobody waits for: mails, in and out, give way to those who look at a page."""


def serve(app: Starlette, settings: Settings, *, niceness: int = 0) -> None:
    """Serves until SIGTERM or SIGINT, finishing the requests under way."""
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
    QuietServer(config).run()


class QuietServer(uvicorn.Server):
    """Wakes once a second instead of ten times, for the date in its answers; a signal ends its sleep at once."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_told = asyncio.Event()

    async def main_loop(self) -> None:
        """Until it is to exit."""
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._is_told.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to stop."""
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._is_told.set)


def dispatch(commands: dict[str, Callable[[], None]]) -> None:
    """Runs the sub-command named on the command line, or several one after another; `serve` without one.

    Exits without the interpreter's own clean-up, in which the Temporal client is known to crash.
    """
    name = sys.argv[1] if len(sys.argv) > 1 else "serve"
    if name not in commands:
        sys.stderr.write(f"unknown command {name!r}; use one of: {', '.join(commands)}\n")
        sys.exit(2)
    following = sys.argv[2:] if all(argument in commands for argument in sys.argv[2:]) else []
    for command in (name, *following):
        commands[command]()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
