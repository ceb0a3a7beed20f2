"""A supervisor of its own in a child process, on free ports; with stub services or the real ones."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from deploy.local.engines.ports import find_free_port
from tests.local.stub_services import write_stubs
from tests.support.eventually import eventually

CHECKOUT = Path(__file__).resolve().parents[2]
_PORTS = ("INTAKE", "ASSIGNMENT", "NOTIFICATION", "MAIL_IN", "MAIL_SMTP", "MAIL", "TEMPORAL_UI")


@dataclass
class LocalStack:
    folder: Path
    ports: dict[str, int]
    has_stubs: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    """More settings for the services, by their variables."""
    module: str = "deploy.local"
    """What is run; a test may start the same with something put in between."""
    lines: list[str] = field(default_factory=list)
    process: Process | None = None
    _reader: asyncio.Task[None] | None = None

    @classmethod
    def in_folder(cls, folder: Path, *, has_stubs: bool = True) -> "LocalStack":
        ports: dict[str, int] = {}
        for name in _PORTS:
            ports[name] = find_free_port(taken=frozenset(ports.values()))
        if has_stubs:
            (folder / "told").mkdir()
            write_stubs(folder / "stubs")
        return cls(folder, ports, has_stubs)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def described(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.state / "stack.json").read_text())
        return found

    def told(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "told" / f"{name}.json").read_text())
        return found

    def fail(self, name: str) -> None:
        (self.folder / "told" / f"{name}.fails").touch()

    def make_stubborn(self, name: str) -> None:
        (self.folder / "told" / f"{name}.stubborn").touch()

    async def launch(self, *arguments: str) -> None:
        env = {key: value for key, value in os.environ.items() if not key.startswith("EVERDESK_")}
        env |= {f"EVERDESK_{name}_PORT": str(port) for name, port in self.ports.items()}
        env |= {"EVERDESK_HOME": str(self.state), **self.settings}
        if self.has_stubs:
            env |= {"EVERDESK_STUB_DIR": str(self.folder / "told"), "PYTHONPATH": str(self.folder / "stubs")}
        self.lines = []
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", self.module, *arguments),
            cwd=CHECKOUT,
            env=env,
            stdout=PIPE,
            stderr=STDOUT,
            limit=2**20,
        )
        self._reader = asyncio.create_task(self._read())

    async def start(self, *, within: float = 40.0) -> None:
        await self.launch()
        await eventually(lambda: self.said("Everdesk is ready"), within=within)

    def said(self, words: str) -> None:
        assert words in self.text, self.text

    async def ended(self) -> int:
        assert self.process is not None
        async with asyncio.timeout(30):
            status = await self.process.wait()
            if self._reader is not None:
                await self._reader
        return status

    async def stop(self) -> int:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        return await self.ended()

    async def _read(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode().rstrip())


def alive(pids: dict[str, int]) -> list[str]:
    """The names of those that still run."""
    return [name for name, pid in pids.items() if _runs(pid)]


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
