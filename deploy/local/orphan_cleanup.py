"""Children of a supervisor that was killed: written down while they live, cleaned up at the next start."""

import json
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from deploy.local.private_files import write_private

_SAME_START = 0.5  # seconds; psutil derives start times from clock ticks
_GRACE = 5.0


@dataclass(frozen=True, slots=True)
class OrphanProcess:
    name: str
    process: psutil.Process


def record(file: Path, pids: Mapping[str, int]) -> None:
    """Start times make a record of exactly these processes: the system gives pids to others later."""
    rows = []
    for name, pid in pids.items():
        with suppress(psutil.Error):
            rows.append({"name": name, "pid": pid, "started": psutil.Process(pid).create_time()})
    write_private(file, json.dumps(rows))


def find(file: Path) -> list[OrphanProcess]:
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    found = []
    for row in rows:
        with suppress(psutil.Error):
            process = psutil.Process(row["pid"])
            if abs(process.create_time() - row["started"]) < _SAME_START:
                found.append(OrphanProcess(row["name"], process))
    return found


def end(leftovers: list[OrphanProcess]) -> None:
    """Politely first; each child leads its own session, so what it started goes with it."""
    for leftover in leftovers:
        is_postgres = leftover.name == "postgres"
        with suppress(psutil.Error):
            leftover.process.send_signal(signal.SIGINT if is_postgres else signal.SIGTERM)
    _, alive = psutil.wait_procs([leftover.process for leftover in leftovers], timeout=_GRACE)
    for process in alive:
        with suppress(psutil.Error, ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    psutil.wait_procs(alive, timeout=_GRACE)
