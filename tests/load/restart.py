"""How long each service is away after `kill -9`, with the supervisor of `make run` bringing it back."""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deploy.local import probe
from deploy.local.settings import HOST
from tests.load.report import Budget, Report, Table
from tests.local.running import LocalStack

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
BUDGET_SECONDS = {"intake": 5.0, "assignment": 5.0, "notification": 5.0, "worker": 5.0, "mail_in": 5.0}
PATIENCE = 120.0
MODULES = {
    "intake": "services.intake.app",
    "assignment": "services.assignment.main",
    "notification": "services.notification.app",
    "worker": "workflows.worker",
}
METHOD = """\
The whole system runs as `make run` starts it. Each process in turn is killed with SIGKILL, and the clock runs until its
`/readyz` answers 200 again; then the next. Imports are measured apart, as processor time of a fresh interpreter."""


async def away_for(stack: LocalStack, name: str) -> float:
    """Seconds from the kill to the first 200."""
    described = stack.described()
    port = described["ports"]["mail_in_http" if name == "mail_in" else name]
    started = time.perf_counter()
    os.kill(described["pids"][name], signal.SIGKILL)

    async def is_ready() -> bool:
        return await probe.http_status(HOST, port, "/readyz") == 200

    await probe.until(is_ready, within=PATIENCE, what=name)
    return time.perf_counter() - started


def import_seconds(module: str) -> float:
    """Processor time of importing, the least of three."""
    code = f"import time; import {module}; print(time.process_time())"
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(3)]
    return min(float(run.stdout) for run in runs)


def _open_to_postgres(made: str) -> Path:
    """Passable for PostgreSQL's own account, as when the bench runs as root."""
    folder = Path(made)
    folder.chmod(0o711)
    return folder


async def run() -> Report:
    """Kills each process so many times."""
    with tempfile.TemporaryDirectory(prefix="everdesk-restart-") as made:
        stack = LocalStack.in_folder(_open_to_postgres(made), has_stubs=False)
        await stack.start(within=PATIENCE)
        taken: dict[str, list[float]] = {name: [] for name in BUDGET_SECONDS}
        try:
            for _ in range(ROUNDS):
                for name, times in taken.items():
                    times.append(await away_for(stack, name))
        finally:
            await stack.stop()
    imports = {name: await asyncio.to_thread(import_seconds, module) for name, module in MODULES.items()}
    rows = [[name, statistics.median(times), max(times), imports.get(name)] for name, times in taken.items()]
    return Report(
        name="restart",
        title="Coming back after a kill",
        method=METHOD,
        budgets=[
            Budget(f"{name}: median seconds until ready", statistics.median(times), "<=", BUDGET_SECONDS[name])
            for name, times in taken.items()
        ],
        tables=[
            Table(
                f"{ROUNDS} kills of each process",
                ["process", "median, s", "longest, s", "imports, processor s"],
                rows,
            )
        ],
    )
