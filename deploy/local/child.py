"""One supervised process: started, waited for, and started again whenever it dies."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path

from deploy.local import process
from deploy.local.console import Console
from deploy.local.errors import LocalStackError
from deploy.local.output import Output
from deploy.local.probe import NotReadyError
from deploy.local.service_spec import JobSpec, ServiceSpec

FIRST_BACKOFF, LONGEST_BACKOFF = 0.2, 5.0
_ATTEMPTS_AT_START = 4
_READY_WITHIN = 60.0
_STABLE_AFTER = 10.0
_LAST_WORDS = 2.0
_ASK_EVERY = 5.0
_HUNG_AFTER = 20.0
_HUNG_ASKS = 3


class _DiedError(Exception):
    """It ended before it was ready."""


class Child:
    def __init__(self, part: ServiceSpec, logs: Path, console: Console, on_change: Callable[[], None]) -> None:
        self.spec = part
        self.ready = asyncio.Event()
        self._console = console
        self._on_change = on_change
        self._output = Output(part.name, logs / f"{part.name}.log", console)
        self._process: Process | None = None
        self._pump: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process is not None and running else None

    async def keep_running(self) -> None:
        """Runs until cancelled; gives up only when it never got ready in the first place."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            started = loop.time()
            try:
                ended = await self._live()
            except Exception as problem:  # noqa: BLE001 - what has run before must come back by itself
                await self.stop()
                ended = self._as_failed_start(problem, failures)
            failures = 0 if loop.time() - started > _STABLE_AFTER else failures
            pause = min(FIRST_BACKOFF * (2**failures - 1), LONGEST_BACKOFF)
            failures += 1
            self._console.say(
                f"{self.spec.name} {ended}; starting it again{f' in {pause:.1f} s' if pause else ''}", "yellow"
            )
            await asyncio.sleep(pause)

    def _as_failed_start(self, problem: Exception, failures: int) -> str:
        """How this start failed, in words; raises what ends the whole stack if it never ran."""
        if self.ready.is_set():
            return str(problem)
        if not isinstance(problem, (NotReadyError, _DiedError)):
            raise problem
        if failures + 1 >= _ATTEMPTS_AT_START:
            raise LocalStackError(self._could_not_start(str(problem))) from None
        return str(problem)

    async def stop(self) -> None:
        if self._process is not None:
            await process.stop(self._process, self.spec.engine.launch().stop_signal)
        if self._pump is not None:
            await asyncio.wait({self._pump}, timeout=_LAST_WORDS)
            self._pump.cancel()

    async def kill(self) -> None:
        if self._process is not None:
            await process.kill(self._process)

    async def _live(self) -> str:
        """One life, from start to death; says how it ended."""
        loop = asyncio.get_running_loop()
        started, is_restart = loop.time(), self.ready.is_set()
        child = await self._start()
        await self._until_ready(child)
        took = loop.time() - started
        self._console.say(f"{self.spec.name} is ready{' again' if is_restart else ''} ({took:.1f} s)", "green")
        self.ready.set()
        self._on_change()
        is_hung = await self._until_dead_or_hung(child)
        self._on_change()
        return "did not answer any more, and was ended" if is_hung else f"ended ({_how(child.returncode)})"

    async def _until_dead_or_hung(self, child: Process) -> bool:
        """Returns when it is dead; True if it was ended here because it no longer answered."""
        died = asyncio.create_task(child.wait())
        hung = asyncio.create_task(self._until_hung())
        try:
            await asyncio.wait({died, hung}, return_when=asyncio.FIRST_COMPLETED)
            if died.done():
                return False
            await process.stop(child, self.spec.engine.launch().stop_signal)
            return True
        finally:
            died.cancel()
            hung.cancel()

    async def _until_hung(self) -> None:
        """Asks every few seconds; returns once several questions in a row, and some time, went unanswered."""
        loop = asyncio.get_running_loop()
        answered, unanswered = loop.time(), 0
        while unanswered < _HUNG_ASKS or loop.time() - answered < _HUNG_AFTER:
            await asyncio.sleep(_ASK_EVERY)
            if await self.spec.engine.answers():
                answered, unanswered = loop.time(), 0
            else:
                unanswered += 1

    async def _start(self) -> Process:
        await self.spec.engine.prepare()
        self._process = child = await process.spawn(self.spec.engine.launch(), output=PIPE)
        self._on_change()
        if child.stdout is not None:
            self._pump = asyncio.create_task(self._output.pump(child.stdout))
        return child

    async def _until_ready(self, child: Process) -> None:
        ready = asyncio.create_task(self.spec.engine.wait_ready(_READY_WITHIN))
        died = asyncio.create_task(child.wait())
        try:
            await asyncio.wait({ready, died}, return_when=asyncio.FIRST_COMPLETED)
            if died.done():
                raise _DiedError(f"ended before it was ready ({_how(child.returncode)})")
            await ready
        finally:
            ready.cancel()
            died.cancel()

    def _could_not_start(self, ended: str) -> str:
        log = f"logs/{self.spec.name}.log"
        said = self._output.tail or "(it wrote nothing)"
        times = f"{_ATTEMPTS_AT_START} times in a row"
        return f"{self.spec.name} {ended}, {times}. Its last lines (more in {log}):\n{said}"


async def run_job(job: JobSpec, logs: Path, console: Console) -> None:
    """To its end; anything but success stops the whole start."""
    output = Output(job.speaker, logs / f"{job.name}.log", console)
    child = await process.spawn(job.starts, output=PIPE)
    try:
        if child.stdout is not None:
            await output.pump(child.stdout)
        await child.wait()
    finally:
        if child.returncode is None:
            await process.kill(child)
    if child.returncode != 0:
        raise LocalStackError(
            f"{job.name} failed ({_how(child.returncode)}), so the stack cannot start. Its last lines "
            f"(more in logs/{job.name}.log):\n{output.tail or '(it wrote nothing)'}"
        )


def _how(status: int | None) -> str:
    return f"killed by signal {-status}" if status is not None and status < 0 else f"exit status {status}"
