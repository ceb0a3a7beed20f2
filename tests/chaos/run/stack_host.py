"""`python -m tests.chaos.run.stack_host`: `make run`, its processes reaching the engines through the run's proxies.

What is different is told by CHAOS_WIRING; engines get their disks set back before a start where that was asked for.
"""

import asyncio
import json
import os
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from deploy.local import supervisor
from deploy.local.__main__ import main
from deploy.local.plan import Composition
from deploy.local.service_spec import HttpServiceSpec, ServiceSpec, StackSpec
from tests.chaos.run.engine_disks import EngineDisk

VARIABLE = "CHAOS_WIRING"
ADDRESSES = {
    "EVERDESK_NATS_URL": "nats",
    "EVERDESK_DATABASE_URL": "postgres",
    "EVERDESK_TEMPORAL_ADDRESS": "temporal",
    "EVERDESK_SMTP_PORT": "mail",
}
"""The settings that name an engine, and which."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the run's driver tells its stack."""

    ports: dict[str, dict[str, int]] = field(default_factory=dict)
    """By process and engine, the port of the proxy between them."""
    clocks: dict[str, dict[str, str]] = field(default_factory=dict)
    """By process, the environment that gives it a clock which can be stepped."""
    disks: dict[str, str] = field(default_factory=dict)
    """By engine, where its disk is mounted."""

    def environment(self) -> dict[str, str]:
        """What the host must be started with."""
        return {VARIABLE: json.dumps(asdict(self))}

    @classmethod
    def of_environment(cls) -> "Wiring":
        """As it was told."""
        return cls(**json.loads(os.environ[VARIABLE]))


class EngineOnDisk:
    """An engine whose disk goes back to what a power cut left, where that was asked for."""

    def __init__(self, engine: Any, disk: EngineDisk) -> None:
        self._engine = engine
        self._disk = disk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def prepare(self) -> None:
        """Before every start."""
        await asyncio.to_thread(self._disk.set_back_if_asked)
        await self._engine.prepare()


def rewired(value: str, port: int) -> str:
    """An engine's address, the port being another."""
    if value.isdigit():
        return str(port)
    if "://" not in value:
        return f"{value.rpartition(':')[0]}:{port}"
    parts = urlsplit(value)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}"))


class WiredComposition(Composition):
    """The plan of `make run`, each process on its own way to each engine."""

    def plan(self) -> StackSpec:
        """The jobs keep the straight way."""
        plan, wiring = super().plan(), Wiring.of_environment()
        return replace(plan, parts=tuple(_wired(part, wiring) for part in plan.parts))


def _wired(part: ServiceSpec, wiring: Wiring) -> ServiceSpec:
    if part.name in wiring.disks:
        disk = EngineDisk(Path(wiring.disks[part.name]))
        engine: Any = EngineOnDisk(part.engine, disk)
        return replace(part, engine=engine)
    if not isinstance(part.engine, HttpServiceSpec):
        return part
    env, ports = dict(part.engine.starts.env), wiring.ports.get(part.name, {})
    for name, engine_name in ADDRESSES.items():
        if name in env and engine_name in ports:
            env[name] = rewired(env[name], ports[engine_name])
    env |= wiring.clocks.get(part.name, {})
    return replace(part, engine=replace(part.engine, starts=replace(part.engine.starts, env=env)))


if __name__ == "__main__":
    supervisor.Composition = WiredComposition  # type: ignore[attr-defined]
    sys.exit(main())
