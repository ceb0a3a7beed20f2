"""Content-addressed storage of files in a folder or an S3 bucket: each content once, durable when `put` returns."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from shared.kit.clock import new_id
from shared.kit.settings import StorageSettings

if TYPE_CHECKING:
    from obstore import GetOptions

INCOMING = "incoming"
KEPT = "sha256"
CHUNK = 256 * 1024
"""Bytes that are held at once when reading, and when writing to a folder."""
PART = 5 * 1024**2
"""Bytes of one part of an upload to a bucket: the least S3 allows. Smaller contents go in one request."""


class StorageUnavailable(Exception):
    """The object store did not take or give what it was asked for; trying again later may help."""


class ContentMissing(Exception):
    """There is no content of that digest."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One content: where it is, and how large."""

    digest: str
    """SHA-256, in hexadecimal."""
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """One content as the store lists it."""

    digest: str
    size: int
    written_at: datetime


class ContentStore:
    """An object store in which content is found by its own digest, so that the same bytes are kept once.

    A content is written under a name of its own first and takes its place only when it is whole; so what is found by
    a digest is always complete, whoever died half-way. All methods raise StorageUnavailable.
    """

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder

    @classmethod
    def connect(cls, settings: StorageSettings) -> "ContentStore":
        """The store the settings name: a folder, or a bucket of anything that speaks S3. Nothing is asked of it yet."""
        url = urlsplit(settings.storage_url)
        if url.scheme == "s3":
            return cls(_bucket(settings, url.netloc, url.path.strip("/")))
        folder = Path(unquote(url.path) if url.scheme == "file" else settings.storage_url).absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(LocalStore(folder), folder)

    async def put(self, content: AsyncIterable[bytes]) -> StoredObject:
        """Writes a stream and tells what it was. Whatever `content` raises ends it, and nothing is kept."""
        incoming, measured = f"{INCOMING}/{new_id().hex}", _Measured(content)
        try:
            part = CHUNK if self._folder else PART
            await obstore.put_async(self._store, incoming, measured, chunk_size=part, max_concurrency=1)
            if measured.failure is None:
                stored = StoredObject(measured.digest, measured.size)
                await self._settle(incoming, stored.digest)
                return stored
        except (BaseError, OSError) as error:
            if measured.failure is None:
                raise StorageUnavailable(f"could not be stored: {type(error).__name__}") from error
        await self._forget(incoming)
        raise measured.failure or StorageUnavailable("could not be stored")

    async def get(self, digest: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The content from byte `start` on, in chunks. Raises ContentMissing."""
        try:
            if length is not None:
                for at in range(start, start + length, CHUNK):
                    end = min(at + CHUNK, start + length)
                    yield bytes(await obstore.get_range_async(self._store, _place(digest), start=at, end=end))
                return
            from_start: GetOptions = {"range": {"offset": start}} if start else {}
            found = await obstore.get_async(self._store, _place(digest), options=from_start)
            async for chunk in found.stream(min_chunk_size=CHUNK):
                yield bytes(chunk)
        except FileNotFoundError as error:
            raise ContentMissing(digest) from error
        except (BaseError, OSError) as error:
            raise StorageUnavailable(f"could not be read: {type(error).__name__}") from error

    async def read(self, digest: str, at_most: int) -> bytes:
        """A whole content of bounded size. Raises ContentMissing, and ValueError if it is larger."""
        parts, size = [], 0
        async for chunk in self.get(digest):
            size += len(chunk)
            if size > at_most:
                raise ValueError(f"larger than {at_most} bytes")
            parts.append(chunk)
        return b"".join(parts)

    async def has(self, digest: str) -> bool:
        """Whether the content is there."""
        try:
            await obstore.head_async(self._store, _place(digest))
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise StorageUnavailable(f"could not be asked: {type(error).__name__}") from error
        return True

    async def delete(self, digest: str, *, written_before: datetime | None = None) -> bool:
        """Removes a content, unless it was written again since an instant; whether there was one to remove."""
        try:
            found = await obstore.head_async(self._store, _place(digest))
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise StorageUnavailable(f"could not be asked: {type(error).__name__}") from error
        if written_before is not None and found["last_modified"] >= written_before:
            return False
        if self._folder is not None and written_before is not None:
            return await self._take_away(digest, written_before)
        await self._forget(_place(digest))
        return True

    async def entries(self, after: str = "") -> AsyncIterator[list[ObjectEntry]]:
        """The contents whose digests come after one, in the order of their digests, in batches."""
        try:
            if self._folder is not None:
                for outer in await asyncio.to_thread(_folders, self._folder / KEPT, after[:2]):
                    begin = after[2:4] if outer.name == after[:2] else ""
                    for inner in await asyncio.to_thread(_folders, outer, begin):
                        if found := await asyncio.to_thread(_entries_in, inner, after):
                            yield found
                return
            start = _place(after) if after else None
            async for batch in obstore.list(self._store, KEPT, offset=start):
                yield [
                    ObjectEntry(meta["path"].rpartition("/")[2], meta["size"], meta["last_modified"]) for meta in batch
                ]
        except (BaseError, OSError) as error:
            raise StorageUnavailable(f"could not be listed: {type(error).__name__}") from error

    async def forget_incoming(self, before: datetime) -> int:
        """Removes what was begun before an instant and never finished; returns how many."""
        if self._folder is not None:
            return await asyncio.to_thread(_forget_files, self._folder / INCOMING, before)
        forgotten = 0
        try:
            async for batch in obstore.list(self._store, INCOMING):
                for meta in batch:
                    if meta["last_modified"] < before:
                        await self._forget(meta["path"])
                        forgotten += 1
        except (BaseError, OSError) as error:
            raise StorageUnavailable(f"could not be listed: {type(error).__name__}") from error
        return forgotten

    async def ping(self) -> None:
        """Asks for something that is never there. Raises StorageUnavailable."""
        await self.has("0" * 64)

    async def _settle(self, incoming: str, digest: str) -> None:
        place = _place(digest)
        if self._folder is None:
            await obstore.rename_async(self._store, incoming, place)
            return
        await asyncio.to_thread(_flush, self._folder / incoming)
        await obstore.rename_async(self._store, incoming, place)
        await asyncio.to_thread(_flush_folders, self._folder, place)

    async def _take_away(self, digest: str, written_before: datetime) -> bool:
        """Moves a content aside and only then looks at it: one that was put there meanwhile is put back."""
        aside = f"{INCOMING}/{new_id().hex}"
        try:
            await obstore.rename_async(self._store, _place(digest), aside)
            found = await obstore.head_async(self._store, aside)
            if found["last_modified"] >= written_before:
                await self._settle(aside, digest)
                return False
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise StorageUnavailable(f"could not be removed: {type(error).__name__}") from error
        await self._forget(aside)
        return True

    async def _forget(self, path: str) -> None:
        try:
            await obstore.delete_async(self._store, path)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise StorageUnavailable(f"could not be removed: {type(error).__name__}") from error


class _Measured:
    """A stream that is hashed and counted on its way into the store, which would hide what the stream raises."""

    def __init__(self, content: AsyncIterable[bytes]) -> None:
        self._content = content
        self._hash = hashlib.sha256()
        self.size = 0
        self.failure: Exception | None = None

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._content:
                self._hash.update(chunk)
                self.size += len(chunk)
                yield chunk
        except Exception as error:
            self.failure = error
            raise


def _place(digest: str) -> str:
    return f"{KEPT}/{digest[:2]}/{digest[2:4]}/{digest}"


def _flush(path: Path) -> None:
    """Has the system write a file, or a folder's list of files, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_folders(root: Path, place: str) -> None:
    """The file's folder and those above it: any of them may be new, and a new folder is lost with its parent's list."""
    for folder in (root / place).parents:
        _flush(folder)
        if folder == root:
            return


def _folders(folder: Path, begin: str) -> list[Path]:
    """What is in a folder from a name on, in order: at most 256 of one level."""
    return [path for path in _sorted(folder) if path.name >= begin]


def _entries_in(folder: Path, after: str) -> list[ObjectEntry]:
    """What a folder holds after a digest."""
    found = []
    for path in _sorted(folder):
        with suppress(FileNotFoundError):
            if path.name > after:
                about = path.stat()
                found.append(ObjectEntry(path.name, about.st_size, datetime.fromtimestamp(about.st_mtime, UTC)))
    return found


def _sorted(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _forget_files(folder: Path, before: datetime) -> int:
    """Looks itself, for obstore does not list the half-written files that a killed process leaves behind."""
    forgotten = 0
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before.timestamp():
                path.unlink()
                forgotten += 1
    return forgotten


def _bucket(settings: StorageSettings, bucket: str, prefix: str) -> S3Store:
    endpoint = settings.storage_endpoint
    secret = settings.storage_secret_key
    return S3Store(
        bucket,
        prefix=prefix or None,
        region=settings.storage_region,
        access_key_id=settings.storage_access_key,
        secret_access_key=secret.get_secret_value() if secret else None,
        virtual_hosted_style_request=False if endpoint else None,
        endpoint=endpoint,
        client_options={"allow_http": bool(endpoint and endpoint.startswith("http://"))},
    )
