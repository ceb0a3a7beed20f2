"""The engines alone, for tests: on free ports, in one folder, to be stopped, killed and started at will."""

import asyncio
import secrets
import shutil
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from deploy.local import process
from deploy.local.engines.base import Engine
from deploy.local.engines.nats import Nats
from deploy.local.engines.ports import find_free_port
from deploy.local.engines.postgres import SUPERUSER, Postgres
from deploy.local.engines.temporal import Temporal
from deploy.local.errors import LocalStackError

EngineName = Literal["postgres", "nats", "temporal"]
ALL: tuple[EngineName, ...] = ("postgres", "nats", "temporal")
DATABASES = ("intake", "assignment", "notification")


class Stack:
    """Each engine keeps its port and its data over `stop`, `kill` and `start`."""

    def __init__(
        self,
        folder: Path,
        *,
        databases: Collection[str] = DATABASES,
        ui: bool = False,
        superuser_password: str | None = None,
    ) -> None:
        taken: set[int] = set()

        def port() -> int:
            taken.add(found := find_free_port(taken=frozenset(taken)))
            return found

        self.folder = folder
        passwords = {role: secrets.token_urlsafe(16) for role in databases}
        passwords[SUPERUSER] = superuser_password or secrets.token_urlsafe(16)
        self.postgres = Postgres(folder, port=port(), passwords=passwords)
        self.nats = Nats(folder, port=port(), monitor_port=port(), password=secrets.token_urlsafe(16))
        self.temporal = Temporal(folder, port=port(), ui_port=port() if ui else None)
        self._running: dict[EngineName, Process] = {}

    def is_running(self, name: EngineName) -> bool:
        return name in self._running and self._running[name].returncode is None

    def pid(self, name: EngineName) -> int:
        return self._running[name].pid

    def log(self, name: EngineName) -> Path:
        return self.folder / f"{name}.log"

    async def start(self, name: EngineName, *, within: float = 30.0) -> None:
        """Return when the engine is ready; starting a running one does nothing."""
        if self.is_running(name):
            return
        engine = self._engine(name)
        await engine.prepare()
        with self.log(name).open("ab") as log:
            self._running[name] = await process.spawn(engine.launch(), output=log)
        await self._until_ready(name, within)

    async def stop(self, name: EngineName) -> None:
        """An orderly stop."""
        if name in self._running:
            await process.stop(self._running.pop(name), self._engine(name).launch().stop_signal)

    async def kill(self, name: EngineName) -> None:
        """`kill -9`, as a crash would; returns when the process is gone."""
        if name in self._running:
            self._running[name].kill()
            await self._running.pop(name).wait()

    async def close(self) -> None:
        for name in reversed(ALL):
            await self.stop(name)
        self._remove_relocated()

    def _engine(self, name: EngineName) -> Engine:
        engines: dict[EngineName, Engine] = {
            "postgres": self.postgres,
            "nats": self.nats,
            "temporal": self.temporal,
        }
        return engines[name]

    async def _until_ready(self, name: EngineName, within: float) -> None:
        """Ready or dead, whichever comes first."""
        child = self._running[name]
        ready = asyncio.create_task(self._engine(name).wait_ready(within))
        died = asyncio.create_task(child.wait())
        try:
            await asyncio.wait({ready, died}, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                log = self.log(name).read_text(errors="replace")[-2000:]
                raise LocalStackError(f"{name} ended with status {child.returncode} while starting:\n{log}")
            await ready
        finally:
            ready.cancel()
            died.cancel()

    def _remove_relocated(self) -> None:
        """Run as root from a private folder, PostgreSQL kept its data elsewhere: take that too."""
        if self.postgres.was_relocated:
            shutil.rmtree(self.postgres.place.data.parent, ignore_errors=True)


@asynccontextmanager
async def stack(
    folder: Path,
    *,
    only: Collection[EngineName] = ALL,
    databases: Collection[str] = DATABASES,
    ui: bool = False,
    superuser_password: str | None = None,
) -> AsyncIterator[Stack]:
    """`async with stack(tmp_path) as engines:`: started in parallel, ready on entry, gone on exit.

    `superuser_password` is needed where the folder keeps its data from one time to the next.
    """
    engines = Stack(folder, databases=databases, ui=ui, superuser_password=superuser_password)
    try:
        async with asyncio.TaskGroup() as group:
            for name in only:
                group.create_task(engines.start(name))
        yield engines
    finally:
        await engines.close()
