"""The system under test: the plan of the one-command stack, started part by part on free ports."""

import os
import tempfile
from asyncio import TaskGroup
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local import process
from deploy.local.demo_accounts import DEMO_ACCOUNTS
from deploy.local.engines.ports import find_free_port
from deploy.local.plan import Composition, found_ports, kind_of
from deploy.local.service_spec import JobSpec, ServiceSpec
from deploy.local.settings import LocalSettings
from deploy.local.stack_secrets import StackSecrets

WITHIN = 60.0
EVERYTHING = ("postgres", "nats", "temporal", "mail", "worker", "intake", "assignment", "notification")
UNLIMITED = {
    "EVERDESK_API_KEY_PER_MINUTE": "10000000",
    "EVERDESK_ADDRESS_PER_MINUTE": "10000000",
    "EVERDESK_AGENT_REQUESTS_PER_MINUTE": "10000000",
    "EVERDESK_REQUESTER_PER_HOUR": "0",
    "EVERDESK_MAX_OPEN_TICKETS": "0",
}
"""The limits are counted for every request, but set where a load test does not reach them."""


class System:
    """Each part keeps its port and data over `stop` and `start`. Of several of a kind the second is `intake-2`."""

    def __init__(self, home: Path, limits: Mapping[str, str] = UNLIMITED, replicas: int = 1) -> None:
        for name in UNLIMITED.keys() - limits.keys():
            os.environ.pop(name, None)
        os.environ.update(limits)
        taken: set[int] = set()

        def port() -> int:
            taken.add(found := find_free_port(taken=frozenset(taken)))
            return found

        fixed = {f"{name}_port": port() for name in LocalSettings(home=home).fixed_ports}
        self.settings = LocalSettings.model_validate({"home": home, "replicas": replicas, **fixed})
        self.secrets = StackSecrets()
        self._composition = Composition(self.settings, self.secrets, {name: port() for name in found_ports(replicas)})
        self._plan = self._composition.plan()
        self._parts: dict[str, ServiceSpec] = {part.name: part for part in self._plan.parts}
        self._running: dict[str, Process] = {}
        self._logs = home / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)

    @property
    def urls(self) -> dict[str, str]:
        """Where the services answer."""
        return self._composition.urls

    @property
    def ports(self) -> dict[str, int]:
        """Every port by its name."""
        return self._plan.ports

    @property
    def pids(self) -> dict[str, int]:
        """What runs."""
        return {name: child.pid for name, child in self._running.items()}

    @property
    def login(self) -> dict[str, str]:
        """An agent who may do everything."""
        return {"email": DEMO_ACCOUNTS[0].email, "password": self.secrets.agent_password}

    def environment(self, name: str) -> dict[str, str]:
        """The settings a part was started with."""
        return dict(self._parts[name].engine.launch().env)

    def log(self, name: str) -> str:
        """What a part has said."""
        return (self._logs / f"{name}.log").read_text(errors="replace")

    async def start(self, *names: str) -> None:
        """Starts parts in the plan's order, doing the jobs they need first; returns when all are ready."""
        for wave in (
            ("postgres", "nats", "temporal", "mail"),
            ("worker", "intake", "assignment", "notification"),
            ("mail_in",),
        ):
            async with TaskGroup() as group:
                for name in names:
                    if kind_of(name) in wave:
                        group.create_task(self._start(name))

    async def _start(self, name: str) -> None:
        part = self._parts[name]
        for job in self._plan.jobs:
            if job.speaker == name and name not in self._running:
                await self._do(job)
        await part.engine.prepare()
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = await process.spawn(part.engine.launch(), output=log)
        try:
            await part.engine.wait_ready(WITHIN)
        except Exception:
            print(self.log(name)[-3000:])
            raise

    async def _do(self, job: JobSpec) -> None:
        status, output = await process.run(job.starts)
        if status != 0:
            raise RuntimeError(f"{job.name} failed:\n{output[-3000:]}")

    async def stop(self, name: str) -> None:
        """An orderly stop."""
        if (child := self._running.pop(name, None)) is not None:
            await process.stop(child, self._parts[name].engine.launch().stop_signal)

    async def close(self) -> None:
        """Stops everything, backwards."""
        for name in reversed(tuple(self._parts)):
            await self.stop(name)


@asynccontextmanager
async def system(*names: str, limits: Mapping[str, str] = UNLIMITED, replicas: int = 1) -> AsyncIterator[System]:
    """Starts these parts in a folder of their own, with these limits; nothing is left of them afterwards.

    With `replicas` there may be several of a kind among them, such as `notification-2`.
    """
    with tempfile.TemporaryDirectory(prefix="everdesk-bench-") as home:
        started = System(Path(home), limits, replicas)
        try:
            await started.start(*names)
            yield started
        finally:
            await started.close()
