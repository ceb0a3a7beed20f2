"""Runs a module in a subprocess with limits on time and memory, so that it cannot block or end the service."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from shared.kit.process_pipes import write_to_process

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes: an answer is one line of JSON."""
PROGRESS = b"progress "
"""How a line of standard output begins that tells how far the module has come: `progress <done> <of>`."""
ToldProgress = Callable[[int, int], Awaitable[None]]


class ModuleRun(NamedTuple):
    """What became of it."""

    status: int | None
    out: bytes
    err: bytes


async def run_module(module: str, given: bytes, within: float) -> ModuleRun:
    """Feeds `given` to `python -m module` and waits up to `within` seconds; then it is killed. Raises TimeoutError.

    The process gets no environment but the path of its code: there is nothing in it to steal.
    """
    process = await _started(module)
    try:
        async with asyncio.timeout(within):
            out, err = await process.communicate(given)
    finally:
        await _end(process)
    return ModuleRun(process.returncode, out, err)


async def run_module_with_progress(module: str, given: bytes, within: float, told: ToldProgress) -> ModuleRun:
    """As `run_module`, and hands on each line of progress at once; what `told` raises ends the process.

    Raises TimeoutError.
    """
    process = await _started(module)
    reading = asyncio.create_task(_read(process.stderr))
    try:
        async with asyncio.timeout(within):
            await _write(process.stdin, given)
            out = await _read(process.stdout, told)
            err = await reading
            await process.wait()
    finally:
        reading.cancel()
        await _end(process)
    return ModuleRun(process.returncode, out, err)


async def _started(module: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", module),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        limit=LONGEST_LINE,
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


async def _write(stdin: asyncio.StreamWriter | None, given: bytes) -> None:
    """A process that ends before it has read everything is told apart by its exit status."""
    if stdin is None:
        return
    with suppress(ConnectionError):
        await write_to_process(stdin, given)
    stdin.close()


async def _read(stream: asyncio.StreamReader | None, told: ToldProgress | None = None) -> bytes:
    """What a process writes, without its lines of progress."""
    lines: list[bytes] = []
    while stream is not None and (line := await stream.readline()):
        if told is not None and line.startswith(PROGRESS):
            done, of = line[len(PROGRESS) :].split()
            await told(int(done), int(of))
        else:
            lines.append(line)
    return b"".join(lines)
