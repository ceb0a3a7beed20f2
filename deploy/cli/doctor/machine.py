"""The machine and the processes on it: disk space, whether each process runs, and whether it is ready."""

import asyncio
import shutil
from pathlib import Path

import httpx2
import psutil

from deploy.cli.doctor.findings import Finding, Gravity, bad, doubtful, graded, ok
from deploy.cli.doctor.process_environments import ProcessEnvironments

ANSWERS_WITHIN = 5.0
FREE_WARNING, FREE_ERROR = 5_000_000_000, 500_000_000
FULL_WARNING = 0.95


async def check_machine(around: ProcessEnvironments) -> list[Finding]:
    """Disks, processes, readiness."""
    async with httpx2.AsyncClient(timeout=ANSWERS_WITHIN, trust_env=False) as http:
        ready = await asyncio.gather(*(_ready(http, name, url) for name, url in around.urls.items()))
    disks = [_disk(what, folder) for what, folder in around.folders.items()]
    return [*disks, *(_process(name, pid) for name, pid in around.pids.items()), *ready]


def _disk(what: str, folder: Path) -> Finding:
    usage = shutil.disk_usage(folder)
    return disk_finding(what, usage.free, usage.total)


def disk_finding(what: str, free: int, total: int) -> Finding:
    """Whether there is room: a full disk stops PostgreSQL and NATS."""
    used = 1 - free / total if total else 1.0
    gravity = graded(-free, -FREE_WARNING, -FREE_ERROR)
    if gravity is Gravity.OK and used >= FULL_WARNING:
        gravity = Gravity.WARNING
    says = f"{free / 1e9:.1f} GB free, {used:.0%} used"
    return Finding(
        f"disk of {what}", "space", gravity, says, "" if gravity is Gravity.OK else "docs/runbooks/disk-full.md"
    )


def _process(name: str, pid: int) -> Finding:
    try:
        is_alive = psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        is_alive = False
    if is_alive:
        return ok("processes", name, f"process {pid} runs")
    return bad("processes", name, f"process {pid} is gone", f"look at the end of logs/{name}.log; make run starts it")


async def _ready(http: httpx2.AsyncClient, name: str, url: str) -> Finding:
    try:
        answer = await http.get(f"{url}/readyz")
        body = answer.json()
    except (httpx2.HTTPError, ValueError) as problem:
        return bad("readiness", name, f"{url}/readyz: {type(problem).__name__}", "look at the log of the process")
    return ready_finding(name, answer.status_code, body.get("degraded") or [], body.get("dependencies") or {})


def ready_finding(name: str, status: int, degraded: list[str], dependencies: dict[str, str]) -> Finding:
    """What `/readyz` said: what is degraded still serves."""
    away = ", ".join(what for what, state in dependencies.items() if state != "ok")
    mend = "mend what it names; the findings above say how"
    if status != 200:
        return bad("readiness", name, f"not ready: {away or status}", mend)
    return (
        doubtful("readiness", name, f"degraded: {', '.join(degraded)}", mend)
        if degraded
        else ok("readiness", name, "ready")
    )
