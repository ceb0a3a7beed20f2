"""What the stack is made of: parts that run until stopped, and jobs that run once."""

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import probe
from deploy.local.engines.base import Engine
from deploy.local.process import Launch
from deploy.local.settings import HOST


@dataclass(frozen=True, slots=True)
class HttpServiceSpec:
    """A Python process of ours that says on `/readyz` when it can work; it looks like an engine."""

    name: str
    port: int
    starts: Launch

    @property
    def ports(self) -> dict[str, int]:
        return {self.name: self.port}

    async def prepare(self) -> None:
        """Nothing to make ready."""

    def launch(self) -> Launch:
        return self.starts

    async def wait_ready(self, within: float) -> None:
        async def ready() -> bool:
            return await probe.http_status(HOST, self.port, "/readyz") == 200

        await probe.until(ready, within=within, what=self.name)

    async def degraded(self) -> tuple[str, ...]:
        """What it says on `/readyz` that it has to do without."""
        try:
            named = json.loads(await probe.http_body(HOST, self.port, "/readyz")).get("degraded", [])
        except ValueError:
            return ()
        return tuple(str(one) for one in named)

    async def answers(self) -> bool:
        """Any answer will do: what it depends on may be away, and starting it again would not help."""
        return await probe.http_status(HOST, self.port, "/healthz") is not None


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """Started when everything in `after` is ready or done; `waits_for` is what its progress line says."""

    engine: Engine
    waits_for: str
    after: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.engine.name


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A command that must succeed once before what comes after it may start."""

    name: str
    speaker: str
    starts: Launch
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StackSpec:
    """`parts` in the order of starting; stopping goes backwards."""

    parts: tuple[ServiceSpec, ...]
    jobs: tuple[JobSpec, ...]
    ports: dict[str, int] = field(default_factory=dict)


def python(module: str, *arguments: str, cwd: Path, env: dict[str, str]) -> Launch:
    """`-P` and PYTHONPATH instead of the working directory: nothing lying around there is imported."""
    path = os.pathsep.join(filter(None, (env.get("PYTHONPATH"), str(cwd))))
    command = (sys.executable, "-P", "-m", module, *arguments)
    return Launch(command, cwd=cwd, env=env | {"PYTHONPATH": path})
