"""The stack under fire: every process on ways of its own, engines on disks of their own, clocks that can be stepped."""

import asyncio
import json
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import nats
import psutil
from nats.aio.client import Client as NatsClient

from deploy.local.engines.nats import USER
from deploy.local.engines.ports import find_free_port
from deploy.local.plan import FOUND_PORTS
from tests.chaos.run.engine_disks import EngineDisk, NoDiskError
from tests.chaos.run.links import Link
from tests.chaos.run.plan import ENGINES, OURS, SERVICES, WAYS, FaultKind
from tests.chaos.run.stack_host import Wiring
from tests.chaos.run.stepped_clocks import SteppedClock, find_library
from tests.local.running import LocalStack
from tests.support.eventually import eventually
from tests.support.memory_disk import has_memory, in_memory
from tests.support.small_disk import is_well

SETTINGS = {
    "EVERDESK_API_KEY_PER_MINUTE": "10000000",
    "EVERDESK_ADDRESS_PER_MINUTE": "10000000",
    "EVERDESK_AGENT_REQUESTS_PER_MINUTE": "10000000",
    "EVERDESK_FORM_PER_MINUTE": "1000000",
    "EVERDESK_UPLOADS_PER_MINUTE": "1000000",
    "EVERDESK_REQUESTER_PER_HOUR": "0",
    "EVERDESK_MAX_OPEN_TICKETS": "0",
    "EVERDESK_FORM_MIN_SECONDS": "0",
    "EVERDESK_CALM_PER_MINUTE": "1000000",
    "EVERDESK_SITE_CALM_PER_MINUTE": "1000000",
    "EVERDESK_STREAM_MAX_BYTES": str(256 * 1024**2),
}
"""Limits out of the way, and a stream that fits on its disk."""
LAST_LINES = 25


@dataclass
class ChaosSystem:
    """What runs, and the handles by which it is hurt."""

    stack: LocalStack
    links: dict[str, Link] = field(default_factory=dict)
    disks: dict[str, EngineDisk] = field(default_factory=dict)
    clocks: dict[str, SteppedClock] = field(default_factory=dict)
    missing: dict[FaultKind, str] = field(default_factory=dict)
    """Kinds of faults that cannot be had here, and why."""

    @property
    def description(self) -> dict[str, Any]:
        """As `stack.json` has it."""
        return self.stack.described()

    @property
    def urls(self) -> dict[str, str]:
        """Where the services answer."""
        found: dict[str, str] = self.description["urls"]
        return found

    async def pid(self, process: str) -> int:
        """Of a process, once it runs."""
        return await eventually(lambda: int(self.description["pids"][process]), within=60)

    async def send(self, process: str, number: signal.Signals) -> list[int]:
        """To it and everything it has started; returns whom it reached."""
        parent, reached = psutil.Process(await self.pid(process)), list[int]()
        for one in (parent, *parent.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                one.send_signal(number)
                reached.append(one.pid)
        return reached

    async def database(self, service: str, role: str = "") -> "asyncpg.Connection[Any]":
        """Straight to a service's database, past the proxies."""
        secrets = json.loads((self.stack.state / "secrets.json").read_text())
        role = role or service
        port = self.description["ports"]["postgres"]
        return await asyncpg.connect(f"postgresql://{role}:{secrets[role]}@127.0.0.1:{port}/{service}", timeout=5)

    async def bus(self) -> NatsClient:
        """Straight to NATS, past the proxies."""
        secrets = json.loads((self.stack.state / "secrets.json").read_text())
        port = self.description["ports"]["nats"]
        return await nats.connect(f"nats://127.0.0.1:{port}", user=USER, password=secrets["nats"])

    def last_words(self) -> str:
        """What each process has said last; the folder of their logs goes with the run."""
        return "\n".join(
            f"-- {log.stem}\n{''.join(log.read_text(errors='replace').splitlines(keepends=True)[-LAST_LINES:])}"
            for log in sorted((self.stack.state / "logs").glob("*.log"))
        )

    async def until_well(self, within: float = 180) -> None:
        """Every service ready, nothing degraded."""
        async with httpx2.AsyncClient() as http:
            for service in SERVICES:
                await eventually(lambda url=self.urls[service]: is_well(http, url), within=within)  # type: ignore[misc]


@asynccontextmanager
async def chaos_system() -> AsyncIterator[ChaosSystem]:
    """Started on entry, ready; nothing is left of it afterwards."""
    folder = in_memory("chaos") if has_memory() else Path(tempfile.mkdtemp(prefix="everdesk-chaos-"))
    folder.chmod(0o711)
    system = ChaosSystem(LocalStack.in_folder(folder, has_stubs=False))
    try:
        await _prepare(system)
        await system.stack.start(within=180)
        await system.until_well()
        yield system
    finally:
        if system.stack.process is not None:
            await system.stack.stop()
        await asyncio.gather(*(link.close() for link in system.links.values()), return_exceptions=True)
        for disk in system.disks.values():
            disk.remove()
        shutil.rmtree(folder, ignore_errors=True)


async def _prepare(system: ChaosSystem) -> None:
    stack = system.stack
    stack.state.mkdir(mode=0o711)
    ports = _engine_ports(stack)
    (stack.state / "ports.json").write_text(json.dumps(ports))
    for process, engine in WAYS:
        link = Link(process, engine, stack.ports["MAIL_SMTP"] if engine == "mail" else ports[engine])
        await link.open()
        system.links[link.name] = link
    _make_disks(system)
    clocks = _make_clocks(system)
    ways: dict[str, dict[str, int]] = {}
    for link in system.links.values():
        ways.setdefault(link.process, {})[link.engine] = link.port
    wiring = Wiring(ways, clocks, {name: str(disk.mount) for name, disk in system.disks.items()})
    stack.module = "tests.chaos.run.stack_host"
    stack.settings = {**SETTINGS, **wiring.environment()}


def _engine_ports(stack: LocalStack) -> dict[str, int]:
    """Known before the start, so that the proxies can lie in front of them."""
    chosen: dict[str, int] = {}
    for name in FOUND_PORTS:
        chosen[name] = find_free_port(taken=frozenset({*chosen.values(), *stack.ports.values()}))
    return chosen


def _make_disks(system: ChaosSystem) -> None:
    try:
        for engine in ENGINES:
            system.disks[engine] = disk = EngineDisk(system.stack.state / engine)
            disk.make()
    except NoDiskError as reason:
        for disk in system.disks.values():
            disk.remove()
        system.disks = {}
        system.missing |= dict.fromkeys((FaultKind.FULL_DISK, FaultKind.POWER_LOSS), str(reason))


def _make_clocks(system: ChaosSystem) -> dict[str, dict[str, str]]:
    """The environments of our processes; of none where the library is not there."""
    library = find_library()
    if library is None:
        system.missing[FaultKind.CLOCK_STEP] = "libfaketime is not installed (apt install faketime)"
        return {}
    folder = system.stack.folder / "clocks"
    folder.mkdir()
    for process in OURS:
        system.clocks[process] = clock = SteppedClock(folder / process)
        clock.step(0)
    return {process: clock.environment(library) for process, clock in system.clocks.items()}
