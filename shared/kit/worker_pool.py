"""A pool of worker processes for untrusted data: a crash ends one worker and fails one job, not the service."""

import asyncio
import contextlib
import os
import resource
import signal
import struct
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Sequence
from typing import BinaryIO

from shared.kit.process_pipes import write_to_process

FRAME = "!I"
"""Each piece, in both directions, is preceded by its length."""
NICENESS = 19
"""Side processes give way to those that answer people, from their first instruction on."""
_AT_ONCE = (
    "import runpy, sys; from shared.kit.priority import lower_priority; "
    "lower_priority(int(sys.argv[1]), own_group=True); runpy.run_module(sys.argv[2], run_name='__main__')"
)
_BROKE = (asyncio.IncompleteReadError, ConnectionError, TimeoutError)


class WorkerDied(Exception):
    """The process ended, or had to be ended, at this work."""

    def __init__(self, reason: str, *, is_out_of_time: bool) -> None:
        super().__init__(reason)
        self.is_out_of_time = is_out_of_time
        """Whether the work used up its processor time: done again, it would do so again."""


class PoolBusy(Exception):
    """Every process is at work for longer than one may wait; `retry_after` is for whoever sent the work."""

    def __init__(self, retry_after: int = 5) -> None:
        super().__init__(f"again in {retry_after} s")
        self.retry_after = retry_after


class WorkerPool:
    """A few processes that run `python -m module`; one is started when needed, and again after it was lost."""

    def __init__(
        self, module: str, count: int, within: float, patience: float | None = None, arguments: Sequence[str] = ()
    ) -> None:
        """`within` is the seconds one work may take; `patience` those that work may wait for a process.

        `arguments` end the command line of each process.
        """
        self._module, self._count, self._within, self._patience = module, count, within, patience
        self._arguments = arguments
        self._idle: asyncio.LifoQueue[Process | None] = asyncio.LifoQueue()
        for _ in range(count):
            self._idle.put_nowait(None)

    async def submit(self, *frames: bytes) -> bytes:
        """What the process makes of the frames. Raises Died and Busy."""
        async with self._process() as process:
            try:
                async with asyncio.timeout(self._within):
                    return await _exchange(process, frames)
            except _BROKE as error:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await process.wait()
                is_out_of_time = isinstance(error, TimeoutError) or process.returncode == -signal.SIGPROF
                raise WorkerDied(type(error).__name__, is_out_of_time=is_out_of_time) from error

    async def close(self) -> None:
        """Ends the processes, after the work they have; they would start again when needed."""
        ended = [await self._idle.get() for _ in range(self._count)]
        for process in ended:
            if process is not None:
                await _end(process)
            self._idle.put_nowait(None)

    @contextlib.asynccontextmanager
    async def _process(self) -> AsyncIterator[Process]:
        """A process that waits for work; after anything unforeseen it is replaced."""
        try:
            async with asyncio.timeout(self._patience):
                process = await self._idle.get()
        except TimeoutError:
            raise PoolBusy() from None
        keep: Process | None = None
        try:
            if process is None or process.returncode is not None:
                process = await _start(self._module, self._arguments)
            yield process
            keep = process
        finally:
            if keep is None and process is not None:
                await _end(process)
            self._idle.put_nowait(keep)


def serve(work: Callable[..., bytes], frames: int, *, memory_bytes: int, cpu_seconds: float | None = None) -> None:
    """What the process runs: `work` on so many frames at a time, until nothing more comes.

    More memory than allowed is a MemoryError; more processor time for one work ends the process, wherever it is.
    """
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while (given := _frames(source, frames)) is not None:
        if cpu_seconds is not None:
            signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
        written = work(*given)
        signal.setitimer(signal.ITIMER_PROF, 0)
        target.write(struct.pack(FRAME, len(written)))
        target.write(written)
        target.flush()


def _frames(source: BinaryIO, count: int) -> list[bytes] | None:
    frames: list[bytes] = []
    for _ in range(count):
        head = source.read(struct.calcsize(FRAME))
        if len(head) < struct.calcsize(FRAME):
            return None
        (size,) = struct.unpack(FRAME, head)
        frames.append(source.read(size))
    return frames


async def _exchange(process: Process, frames: tuple[bytes, ...]) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    pieces = [piece for frame in frames for piece in (struct.pack(FRAME, len(frame)), frame)]
    await write_to_process(process.stdin, *pieces)
    (size,) = struct.unpack(FRAME, await process.stdout.readexactly(struct.calcsize(FRAME)))
    return await process.stdout.readexactly(size)


async def _start(module: str, arguments: Sequence[str]) -> Process:
    """It gets no environment but the path of its code: there is nothing in it to steal."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", _AT_ONCE, str(NICENESS), module, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )


async def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await process.wait()
