"""After `kill -9`: wait for the dead server's children, and never take a recycled pid for a live server."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil

from deploy.local import probe

_PATIENCE = 5.0


async def clear_leftovers(data: Path) -> None:
    """Backends hold the shared memory until they notice that their postmaster died; wait for that."""

    async def all_gone() -> bool:
        return not _servers_of(data)

    with suppress(probe.NotReadyError):
        await probe.until(all_gone, within=_PATIENCE, what="the previous PostgreSQL")
    for pid in _servers_of(data):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)
    try:
        await probe.until(all_gone, within=_PATIENCE, what="the previous PostgreSQL")
    except probe.NotReadyError:
        for pid in _servers_of(data):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(probe.INTERVAL)
    # No server of this folder runs any more, so whatever process now has that pid, it is not ours.
    (data / "postmaster.pid").unlink(missing_ok=True)


def _servers_of(data: Path) -> list[int]:
    """Every PostgreSQL process keeps its data folder as working directory."""
    folder = os.path.realpath(data)
    found = []
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error):
            is_server = process.info["name"] == "postgres" and process.status() != psutil.STATUS_ZOMBIE
            if is_server and process.cwd() == folder:
                found.append(process.pid)
    return found
