"""What a back-up says about itself: versions, instants, what is in it, what is not, and a checksum of each file."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deploy.cli.errors import CliError

FORMAT = 1
MANIFEST, CHECKSUMS = "manifest.json", "checksums.sha256"
CHUNK = 1024 * 1024


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SavedDatabase(_Entry):
    """One database, as pg_dump wrote it."""

    file: str
    server_version: str
    migration: str = ""
    """The newest migration that it had; empty for Temporal's own."""


class SavedStream(_Entry):
    """One JetStream stream, as the server's own snapshot gives it, its consumers included."""

    file: str
    config: dict[str, object]
    state: dict[str, object]
    messages: int
    last_sequence: int


class BackupManifest(_Entry):
    """`manifest.json`: written last, so a folder without one is no back-up."""

    format: int = FORMAT
    backup_id: str
    everdesk: str
    started_at: datetime
    streams_at: datetime
    """Before this instant the saved streams hold everything; what came later is published again."""
    cut_at: datetime
    """The instant at which the databases and Temporal are."""
    finished_at: datetime
    databases: dict[str, SavedDatabase]
    temporal_file: str | None = None
    temporal_databases: dict[str, SavedDatabase] = Field(default_factory=dict)
    streams: dict[str, SavedStream]
    files: int = 0
    file_bytes: int = 0
    holds_secrets: bool
    is_encrypted: bool = False
    not_included: tuple[str, ...] = ()
    checksums_sha256: str

    @property
    def kept(self) -> Iterator[str]:
        """The files of the stores, but for attachments."""
        for database in (*self.databases.values(), *self.temporal_databases.values()):
            yield database.file
        yield from (stream.file for stream in self.streams.values())
        if self.temporal_file is not None:
            yield self.temporal_file


def read_manifest(folder: Path) -> BackupManifest:
    """Raises CliError if there is no whole back-up in the folder, or one of a later form."""
    try:
        manifest = BackupManifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CliError(f"{folder} holds no whole back-up: there is no {MANIFEST} in it.") from None
    except (OSError, ValidationError) as problem:
        raise CliError(f"{folder / MANIFEST} cannot be read: {problem!s:.300}") from None
    if manifest.format > FORMAT:
        raise CliError(f"{folder} was written by a newer Everdesk ({manifest.everdesk}): restore it with that one.")
    return manifest


def write_checksums(folder: Path) -> str:
    """Lists every file in the form that `sha256sum --check` reads; returns the list's own digest."""
    own = (folder / CHECKSUMS, folder / MANIFEST)
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path not in own]
    lines = [f"{digest_of(path)}  {path.relative_to(folder)}\n" for path in paths]
    listing = folder / CHECKSUMS
    listing.write_text("".join(lines), encoding="utf-8")
    return digest_of(listing)


def wrong_files(folder: Path, manifest: BackupManifest) -> list[str]:
    """What is not as it was written: changed, missing, or put in since. Empty if all is well."""
    listing = folder / CHECKSUMS
    if not listing.is_file() or digest_of(listing) != manifest.checksums_sha256:
        return [f"{CHECKSUMS}: is not the list that was written"]
    wanted = _read_checksums(listing)
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    wrong = [f"{name}: is missing" for name in sorted(wanted.keys() - found)]
    wrong += [f"{name}: is not part of it" for name in sorted(found - wanted.keys() - {MANIFEST, CHECKSUMS})]
    wrong += [
        f"{name}: was changed" for name in sorted(wanted.keys() & found) if digest_of(folder / name) != wanted[name]
    ]
    return wrong + [f"{name}: is not in the list" for name in manifest.kept if name not in wanted]


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_of(folder: Path) -> int:
    """Bytes of everything below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _read_checksums(listing: Path) -> Mapping[str, str]:
    lines = listing.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
