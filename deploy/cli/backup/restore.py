"""Puts a back-up into an empty installation: the local stack's folder, or the stores that the environment names."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from deploy.cli.backup import dumps
from deploy.cli.backup.checks import unpack
from deploy.cli.backup.create import FILES, SECRETS, Say
from deploy.cli.backup.manifest import BackupManifest
from deploy.cli.backup.restored import note_restored
from deploy.cli.backup.stores import Stores
from deploy.cli.backup.streams import delete_stream, existing_streams, nats_at, restore_stream
from deploy.cli.environment import TEMPORAL_ADDRESS, named_process_urls
from deploy.cli.errors import CliError
from deploy.local import process
from deploy.local.account import unprivileged_account
from deploy.local.engines import Engine, Nats, Postgres
from deploy.local.engines.ports import find_free_port
from deploy.local.engines.postgres_location import find_place
from deploy.local.private_files import write_private
from deploy.local.probe import accepts
from deploy.local.stack_secrets import load_or_create
from deploy.local.state_folder import StateFolder
from shared.kit.clock import utc_now

READY_WITHIN = 60.0
HELD = ("secrets.json", "postgres", "nats", "temporal", "files", "mail")


async def restore_local(backup: Path, manifest: BackupManifest, state: StateFolder, say: Say, *, force: bool) -> None:
    """Fills the folder of a local stack that does not run. Raises CliError, LocalStackError."""
    if not manifest.holds_secrets or manifest.temporal_file is None:
        raise CliError("This back-up is not one of a local stack. Name the stores with EVERDESK_BACKUP_* settings.")
    state.make()
    with state.lock():
        await asyncio.to_thread(_make_way, state, say, force=force)
        write_private(state.secrets, (backup / SECRETS).read_text(encoding="utf-8"))
        secrets = load_or_create(state.secrets)
        taken = frozenset({port := find_free_port()})
        nats_port = find_free_port(taken=taken)
        monitor = find_free_port(taken=taken | {nats_port})
        postgres = Postgres(state.path, port=port, passwords=secrets.database_passwords)
        nats = Nats(state.path, port=nats_port, monitor_port=monitor, password=secrets.nats)
        async with _running(postgres, state), _running(nats, state):
            stores = Stores(
                databases={name: postgres.url(name, driver="postgresql") for name in manifest.databases},
                nats_url=nats.url,
                temporal_file=state.path / "temporal" / "temporal.db",
                files=state.path / "files",
            )
            await fill(backup, manifest, stores, say)
        note_restored(state.path, manifest)


async def restore_named(backup: Path, manifest: BackupManifest, stores: Stores, say: Say, *, force: bool) -> None:
    """Fills the stores that the environment names, while none of Everdesk's processes and no Temporal runs."""
    if running := await _still_running(stores):
        raise CliError(f"Stop them first, or what they write is mixed into the back-up: {', '.join(running)}.")
    if manifest.temporal_databases.keys() != stores.temporal_databases.keys():
        raise CliError("EVERDESK_BACKUP_TEMPORAL_URLS has to name the same databases as when the back-up was made.")
    await _empty(stores, say, force=force)
    await fill(backup, manifest, stores, say)


async def _still_running(stores: Stores) -> list[str]:
    """Processes that answer where the environment says they are, and Temporal where its store is to be filled."""
    known = named_process_urls()
    if (stores.temporal_file or stores.temporal_databases) and (address := os.environ.get(TEMPORAL_ADDRESS)):
        known["temporal"] = f"tcp://{address}"
    places = {name: urlsplit(url) for name, url in known.items()}
    answers = await asyncio.gather(*(accepts(at.hostname or "", at.port or 80) for at in places.values()))
    return [name for name, is_there in zip(places, answers, strict=True) if is_there]


async def fill(backup: Path, manifest: BackupManifest, stores: Stores, say: Say) -> None:
    """Fills empty stores."""
    saved = {**manifest.databases, **manifest.temporal_databases}
    try:
        async with asyncio.TaskGroup() as group:
            for name, url in {**stores.databases, **stores.temporal_databases}.items():
                group.create_task(dumps.restore(url, backup / saved[name].file))
    except* CliError as problems:
        raise CliError(str(problems.exceptions[0])) from None
    say(f"databases {', '.join(saved)} are restored")
    if manifest.temporal_file is not None and stores.temporal_file is not None:
        stores.temporal_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        await asyncio.to_thread(unpack, backup / manifest.temporal_file, stores.temporal_file)
        say("Temporal's store is restored")
    async with nats_at(stores.nats_url) as client:
        for name, stream in manifest.streams.items():
            await restore_stream(client, name, stream, backup / stream.file)
            say(f"stream {name}: {stream.messages} events")
    if stores.files is not None and (backup / FILES).is_dir():
        await asyncio.to_thread(shutil.copytree, backup / FILES, stores.files, dirs_exist_ok=True)
    say(f"{manifest.files} attached files")


def _make_way(state: StateFolder, say: Say, *, force: bool) -> None:
    """Moves aside what is there, if that is wanted; PostgreSQL's data may be elsewhere, where its account can read."""
    postgres = find_place(state.path / "postgres", unprivileged_account()).data
    found = [path for name in HELD if (path := state.path / name).exists() and _holds_anything(path)]
    found += [postgres] if postgres.exists() and not postgres.is_relative_to(state.path) else []
    if not found:
        return
    if not force:
        raise CliError(
            f"{state.path} is not empty ({', '.join(path.name for path in found)}). Name another folder with "
            "EVERDESK_HOME, or move what is there aside with --force."
        )
    stamp = f"before-restore-{utc_now():%Y%m%d-%H%M%S}"
    for path in found:
        (aside := path.parent / stamp).mkdir(mode=0o711, exist_ok=True)
        path.rename(aside / path.name)
    say(f"what was there is in {', '.join(sorted({str(path.parent / stamp) for path in found}))}")


def _holds_anything(path: Path) -> bool:
    return path.is_file() or any(path.iterdir())


async def _empty(stores: Stores, say: Say, *, force: bool) -> None:
    """Raises CliError if a store holds anything, unless it may be cleared."""
    databases: Mapping[str, str] = {**stores.databases, **stores.temporal_databases}
    full = [name for name, url in databases.items() if not await dumps.is_empty(url)]
    async with nats_at(stores.nats_url) as client:
        streams = await existing_streams(client)
        is_file_there = stores.temporal_file is not None and stores.temporal_file.exists()
        names = [*full, *streams, *(["Temporal's file"] if is_file_there else [])]
        if names and not force:
            raise CliError(f"Not empty: {', '.join(names)}. Empty them yourself, or with --force.")
        for name in full:
            await dumps.clear(databases[name])
        for name in streams:
            await delete_stream(client, name)
    if is_file_there and stores.temporal_file is not None:
        stores.temporal_file.rename(stores.temporal_file.with_suffix(f".before-{utc_now():%Y%m%d-%H%M%S}"))
        for suffix in ("-wal", "-shm"):
            stores.temporal_file.with_name(stores.temporal_file.name + suffix).unlink(missing_ok=True)
    if names:
        say(f"cleared: {', '.join(names)}")


@asynccontextmanager
async def _running(engine: Engine, state: StateFolder) -> AsyncIterator[None]:
    """An engine of the local stack, for as long as the block lasts."""
    await engine.prepare()
    launch = engine.launch()
    with (state.logs / f"{engine.name}.log").open("ab") as log:
        child = await process.spawn(launch, output=log)
    try:
        await engine.wait_ready(READY_WITHIN)
        yield
    finally:
        with suppress(ProcessLookupError):
            await process.stop(child, launch.stop_signal)
