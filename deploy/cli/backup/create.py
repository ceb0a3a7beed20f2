"""Writes a back-up while the installation goes on working: streams first, then one instant of everything else.

The order decides what a restored installation has to mend. The streams come first, so consumers have handled whatever
their saved positions say; the events that came between the two are in the saved outboxes' tables and in the saved
workflows' histories, from where they are published again. Files come last: a file is never changed, and whatever the
saved databases speak of was there before.
"""

import asyncio
import gzip
import shutil
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import asyncpg

from deploy.cli.backup import dumps
from deploy.cli.backup.cut import ExportedSnapshot, HeldInstant, one_cut
from deploy.cli.backup.manifest import (
    MANIFEST,
    BackupManifest,
    SavedDatabase,
    SavedStream,
    size_of,
    write_checksums,
)
from deploy.cli.backup.stores import Stores
from deploy.cli.backup.streams import SAVED, nats_at, save_stream
from deploy.cli.errors import CliError
from deploy.local.plan import CHECKOUT
from shared.kit.clock import new_id, utc_now

DATABASES, TEMPORAL, STREAMS, FILES, SECRETS = "databases", "temporal", "streams", "files", "secrets.json"
MOST_STREAM_SECONDS = 480
"""Between the streams and the cut: published rows are kept for ten minutes, so that they can be published again."""
MEGABYTE = 1_000_000
Say = Callable[[str], None]


async def create(stores: Stores, folder: Path, say: Say) -> BackupManifest:
    """Writes it beside its place, and renames it there when it is whole. Raises CliError."""
    partial = await asyncio.to_thread(_begin, folder)
    try:
        manifest = await _write(stores, partial, say)
        await asyncio.to_thread(_finish, folder, partial, manifest)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return manifest


def _begin(folder: Path) -> Path:
    if folder.exists() and any(folder.iterdir()):
        raise CliError(f"{folder} is not empty: give every back-up a folder of its own.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    return partial


def _finish(folder: Path, partial: Path, manifest: BackupManifest) -> None:
    """The manifest is written last, and the place is taken at once."""
    (partial / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    for path in partial.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    if folder.exists():
        folder.rmdir()
    partial.rename(folder)


async def _write(stores: Stores, folder: Path, say: Say) -> BackupManifest:
    for name in (DATABASES, TEMPORAL, STREAMS):
        (folder / name).mkdir(mode=0o700)
    started_at = utc_now()
    streams = await _save_streams(stores, folder / STREAMS, say)
    async with one_cut(stores.databases, stores.temporal_databases, stores.temporal_file) as cut:
        if (cut.at - started_at).total_seconds() > MOST_STREAM_SECONDS:
            say("saving the streams took so long that 'everdesk backup reconcile' has to publish again more than usual")
        say(f"everything else is as of {cut.at:%Y-%m-%d %H:%M:%S.%f} UTC")
        databases = await _save_databases(stores, cut, folder / DATABASES, say)
        temporal_file, temporal_databases = await _save_temporal(stores, cut, folder / TEMPORAL, say)
        at = cut.at
    count, size = await asyncio.to_thread(_save_files, stores.files, folder / FILES)
    say(f"{count} attached files, {size / MEGABYTE:.1f} MB")
    if stores.secrets is not None:
        shutil.copyfile(stores.secrets, folder / SECRETS)
    return BackupManifest(
        backup_id=str(new_id()),
        everdesk=_version(),
        started_at=started_at,
        streams_at=started_at,
        cut_at=at,
        finished_at=utc_now(),
        databases=databases,
        temporal_file=temporal_file,
        temporal_databases=temporal_databases,
        streams=streams,
        files=count,
        file_bytes=size,
        holds_secrets=stores.secrets is not None,
        not_included=stores.not_included,
        checksums_sha256=await asyncio.to_thread(write_checksums, folder),
    )


async def _save_streams(stores: Stores, folder: Path, say: Say) -> dict[str, SavedStream]:
    saved: dict[str, SavedStream] = {}
    async with nats_at(stores.nats_url) as client:
        for name in SAVED:
            if (stream := await save_stream(client, name, folder)) is not None:
                saved[name] = stream
                say(f"stream {name}: {stream.messages} events")
    return saved


async def _save_databases(stores: Stores, cut: HeldInstant, folder: Path, say: Say) -> dict[str, SavedDatabase]:
    began = time.monotonic()
    wanted = {name: (url, cut.snapshots[name].name) for name, url in stores.databases.items()}
    try:
        await dumps.dump_all(wanted, folder)
    except* CliError as problems:
        raise CliError(str(problems.exceptions[0])) from None
    say(f"databases {', '.join(wanted)}: {size_of(folder) / MEGABYTE:.1f} MB in {time.monotonic() - began:.1f} s")
    return {
        name: _described(f"{DATABASES}/{name}.dump", cut.snapshots[name], await _migration(url))
        for name, url in stores.databases.items()
    }


async def _save_temporal(
    stores: Stores, cut: HeldInstant, folder: Path, say: Say
) -> tuple[str | None, dict[str, SavedDatabase]]:
    """Temporal's store: a file, databases, or nothing that is reached from here."""
    began, name = time.monotonic(), None
    if cut.temporal_file is not None:
        name = f"{TEMPORAL}/temporal.db.gz"
        await asyncio.to_thread(_save_sqlite, cut, folder / "temporal.db.gz")
    wanted = {name: (url, cut.temporal[name].name) for name, url in stores.temporal_databases.items()}
    await dumps.dump_all(wanted, folder)
    say(f"Temporal: {size_of(folder) / MEGABYTE:.1f} MB in {time.monotonic() - began:.1f} s")
    return name, {one: _described(f"{TEMPORAL}/{one}.dump", cut.temporal[one]) for one in wanted}


def _save_sqlite(cut: HeldInstant, to: Path) -> None:
    plain = to.with_suffix("")
    assert cut.temporal_file is not None
    cut.temporal_file.copy(plain)
    with plain.open("rb") as source, gzip.open(to, "wb", compresslevel=3) as target:
        shutil.copyfileobj(source, target)
    plain.unlink()


def _save_files(source: Path | None, to: Path) -> tuple[int, int]:
    """Copies attachments; one that is erased meanwhile is left out. Returns how many, and their bytes."""
    count = size = 0
    for path in sorted(source.rglob("*")) if source is not None and source.is_dir() else ():
        target = to / path.relative_to(source) if source is not None else to
        if not path.is_file() or path.relative_to(source or path).parts[0] == "incoming":
            continue
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            shutil.copyfile(path, target)
        except FileNotFoundError:
            continue
        count, size = count + 1, size + target.stat().st_size
    return count, size


def _described(file: str, snapshot: ExportedSnapshot, migration: str = "") -> SavedDatabase:
    return SavedDatabase(file=file, server_version=snapshot.server_version, migration=migration)


async def _migration(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("select version_num from alembic_version"))
    finally:
        await connection.close()


def _version() -> str:
    project = CHECKOUT / "pyproject.toml"
    found = tomllib.loads(project.read_text(encoding="utf-8")) if project.is_file() else {}
    return str(found.get("project", {}).get("version", "unknown"))
