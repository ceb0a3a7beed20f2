"""What a soak reads of a running system every few seconds, and the line fitted through it."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from nats.aio.client import Client

from shared.contracts.names import STREAM
from shared.kit.outbox import OLDEST
from tests.chaos.run.plan import SERVICES
from tests.chaos.run.system import ChaosSystem
from tests.load.meter import pss_megabytes

FOLDERS = {
    "postgres": "postgres",
    "nats": "nats",
    "temporal": "temporal*",
    "files": "files",
}
"""What engines and services keep, by the folder's name under the stack's."""
WAL = "pg_wal"
TABLES = """
    select relname, pg_total_relation_size(oid) from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace
"""
"""With their indexes and what is stored beside them."""


@dataclass(frozen=True, slots=True)
class SoakSample:
    """One moment."""

    at: float
    handed_in: int
    memory: Mapping[str, float]
    disk: Mapping[str, int]
    lag: float
    """Messages that consumers have not handled."""
    age: float
    """Seconds that the oldest event has waited in an outbox."""
    tables: Mapping[str, int]
    """Bytes of each table of each service."""


class Sampler:
    """Connected to the engines of one stack."""

    def __init__(self, system: ChaosSystem, bus: Client, databases: dict[str, "asyncpg.Connection[Any]"]) -> None:
        self._system, self._bus, self._databases = system, bus, databases

    @classmethod
    async def of(cls, system: ChaosSystem) -> "Sampler":
        """To be closed in the end."""
        bus = await system.bus()
        return cls(system, bus, {name: await system.database(name) for name in SERVICES})

    async def close(self) -> None:
        """Disconnects."""
        await self._bus.close()
        for connection in self._databases.values():
            await connection.close()

    async def take(self, handed_in: int) -> SoakSample:
        """A sample of now."""
        ages = [await connection.fetchval(OLDEST) for connection in self._databases.values()]
        lag = 0
        for one in await self._bus.jetstream().consumers_info(STREAM):
            if one.config.durable_name:
                lag += (one.num_pending or 0) + (one.num_ack_pending or 0)
        memory = await asyncio.to_thread(self._memory)
        disk = await asyncio.to_thread(self._disk)
        age = max((one.total_seconds() for one in ages if one is not None), default=0.0)
        tables = {
            f"{service}, {name}": size
            for service, connection in self._databases.items()
            for name, size in await connection.fetch(TABLES)
        }
        return SoakSample(time.monotonic(), handed_in, memory, disk, float(lag), age, tables)

    def _memory(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, pid in self._system.description["pids"].items():
            with suppress(psutil.NoSuchProcess):
                found[name] = pss_megabytes(pid)
        return found

    def _disk(self) -> dict[str, int]:
        state = self._system.stack.state
        found = {name: sum(map(size_of, state.glob(pattern))) for name, pattern in FOLDERS.items()}
        found[WAL] = sum(map(size_of, state.glob(f"postgres/**/{WAL}")))
        found["postgres"] -= found[WAL]
        return found


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder, as the disk counts them; files may go meanwhile."""
    total = 0
    with suppress(OSError):
        if not path.is_dir():
            return path.stat().st_blocks * 512
        for folder, _, files in os.walk(path):
            for name in files:
                with suppress(OSError):
                    total += (Path(folder) / name).stat().st_blocks * 512
    return total


def growth(samples: Sequence[SoakSample], read: Callable[[SoakSample], float]) -> float:
    """How much a figure grows from the first sample to the last, along the line fitted by least squares."""
    times, values = [one.at - samples[0].at for one in samples], [read(one) for one in samples]
    middle, mean = sum(times) / len(times), sum(values) / len(values)
    spread = sum((at - middle) ** 2 for at in times)
    if not spread:
        return 0.0
    slope = sum((at - middle) * (value - mean) for at, value in zip(times, values, strict=True)) / spread
    return slope * times[-1]
