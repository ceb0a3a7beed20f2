"""Whether a back-up is whole and can be read: what `verify` says, and `restore` asks first."""

import asyncio
import gzip
import shutil
import sqlite3
import tempfile
from pathlib import Path

from deploy.cli.backup import dumps
from deploy.cli.backup.manifest import BackupManifest, wrong_files
from deploy.cli.errors import CliError
from shared.kit.db import alembic_config


async def find_problems(folder: Path, manifest: BackupManifest) -> list[str]:
    """What is wrong with it, in words; empty if it can be restored."""
    if wrong := await asyncio.to_thread(wrong_files, folder, manifest):
        return wrong
    problems = []
    for database in (*manifest.databases.values(), *manifest.temporal_databases.values()):
        try:
            await dumps.check_readable(folder / database.file)
        except CliError as problem:
            problems.append(str(problem))
    if manifest.temporal_file is not None:
        problems += await asyncio.to_thread(_check_sqlite, folder / manifest.temporal_file)
    return problems + await asyncio.to_thread(_check_migrations, manifest)


def unpack(source: Path, to: Path) -> None:
    """Writes the SQLite file that a back-up holds."""
    with gzip.open(source, "rb") as packed, to.open("wb") as file:
        shutil.copyfileobj(packed, file)
    to.chmod(0o600)


def _check_sqlite(source: Path) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="everdesk-verify-") as folder:
        copied = Path(folder) / "temporal.db"
        unpack(source, copied)
        connection = sqlite3.connect(copied)
        try:
            (said,) = connection.execute("pragma quick_check(1)").fetchone()
        except sqlite3.Error as problem:
            said = str(problem)
        finally:
            connection.close()
    return [] if said == "ok" else [f"{source.name}: {said}"]


def _check_migrations(manifest: BackupManifest) -> list[str]:
    """A database that is ahead of this code cannot be used by it; an older one is brought up to date at its start."""
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    problems = []
    for name, database in manifest.databases.items():
        script = ScriptDirectory.from_config(alembic_config(f"services.{name}", "postgresql://"))
        try:
            script.get_revision(database.migration)
        except CommandError:
            problems.append(
                f"{name} is at migration {database.migration}, which this Everdesk does not know: use a newer one"
            )
    return problems
