"""Runs a module in a subprocess with limits on time and memory, so that it cannot block or end the service."""

import asyncio
import os
import sys
from typing import NamedTuple


class ModuleRun(NamedTuple):
    """What became of it."""

    status: int | None
    out: bytes
    err: bytes


async def run_module(module: str, given: bytes, within: float) -> ModuleRun:
    """Feeds `given` to `python -m module` and waits up to `within` seconds; then it is killed. Raises TimeoutError.

    The process gets no environment but the path of its code: there is nothing in it to steal.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", module),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        async with asyncio.timeout(within):
            out, err = await process.communicate(given)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return ModuleRun(process.returncode, out, err)
