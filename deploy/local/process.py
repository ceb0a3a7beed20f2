"""Starting and stopping one child so that it can never outlive us."""

import asyncio
import ctypes
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.account import Account

_PR_SET_PDEATHSIG = 1
_PR_SET_TIMERSLACK = 29
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Launch:
    """All that is needed to start one process; secrets travel in `env`, never in `command`."""

    command: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    timer_slack: float | None = None
    """How many seconds late the system may wake the process, to wake it less often; None is as the system does it."""


async def spawn(launch: Launch, *, output: int | Any = asyncio.subprocess.DEVNULL) -> Process:
    """Start in a session of its own (a Ctrl-C reaches only us) that dies when this process dies."""
    return await asyncio.create_subprocess_exec(
        *launch.command,
        cwd=launch.cwd,
        env=dict(launch.env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_prepared(launch, os.getpid()),
    )


async def run(launch: Launch) -> tuple[int, str]:
    """To its end: exit status and what it wrote. Cancelled, it leaves nothing running."""
    process = await spawn(launch, output=asyncio.subprocess.PIPE)
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            await kill(process)
    return process.returncode or 0, output.decode(errors="replace")


async def stop(process: Process, how: signal.Signals = signal.SIGTERM, *, grace: float = 10.0) -> None:
    """Ask politely, wait `grace` seconds, then kill the whole session."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.send_signal(how)
    try:
        async with asyncio.timeout(grace):
            await process.wait()
    except TimeoutError:
        await kill(process)


async def kill(process: Process) -> None:
    """`kill -9` for the process and everything it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def inherited_environment() -> dict[str, str]:
    """The few harmless variables a child needs; ours may hold settings meant for other tools."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _prepared(launch: Launch, parent: int) -> Callable[[], None]:
    """What the child does before it begins: it takes its account, is to die with us, and may be woken late.

    The account is taken here as uvloop, on which tests run, cannot do it.
    """
    libc, account = _libc, launch.account
    slack = None if launch.timer_slack is None else ctypes.c_ulong(int(launch.timer_slack * 1e9))

    def in_child() -> None:
        if account is not None:  # first, as the kernel forgets with it what is asked for next
            os.setgroups([])
            os.setgid(account.gid)
            os.setuid(account.uid)
        if libc is None:  # elsewhere the next start cleans up what a killed supervisor left
            return
        libc.prctl(_PR_SET_PDEATHSIG, int(launch.death_signal))
        if slack is not None:
            libc.prctl(_PR_SET_TIMERSLACK, slack)
        if os.getppid() != parent:
            os._exit(1)

    return in_child
