"""Files are kept once per content, whole or not at all."""

import asyncio
import hashlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
import pytest
from obstore.store import LocalStore

from services.intake.attachments.object_store import ContentMissing, ContentStore
from shared.kit.clock import utc_now
from shared.kit.settings import StorageSettings

if TYPE_CHECKING:
    from obstore import ObjectMeta


@pytest.fixture
def storage(tmp_path: Path) -> ContentStore:
    return ContentStore(LocalStore(tmp_path), tmp_path)


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def broken() -> AsyncIterator[bytes]:
    yield b"half of it"
    raise ConnectionResetError("the client went away")


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


async def everything(storage: ContentStore, digest: str, **of: int) -> bytes:
    return b"".join([chunk async for chunk in storage.get(digest, **of)])


async def test_a_content_is_found_by_its_digest(storage: ContentStore) -> None:
    stored = await storage.put(chunks(b"GET /login ", b"502"))
    assert stored.digest == hashlib.sha256(b"GET /login 502").hexdigest()
    assert stored.size == 14
    assert await everything(storage, stored.digest) == b"GET /login 502"


async def test_an_empty_content_is_a_content(storage: ContentStore) -> None:
    stored = await storage.put(chunks())
    assert await everything(storage, stored.digest) == b""


async def test_many_parts_are_put_together_again(storage: ContentStore) -> None:
    part = bytes(range(256)) * 4096
    stored = await storage.put(chunks(*[part] * 12))
    assert stored.size == 12 * len(part)
    assert hashlib.sha256(await everything(storage, stored.digest)).hexdigest() == stored.digest


async def test_a_range_is_read_alone(storage: ContentStore) -> None:
    stored = await storage.put(chunks(b"0123456789"))
    assert await everything(storage, stored.digest, start=3, length=4) == b"3456"
    assert await everything(storage, stored.digest, start=7) == b"789"


async def test_the_same_bytes_are_kept_once(storage: ContentStore, tmp_path: Path) -> None:
    first, second = await storage.put(chunks(b"same")), await storage.put(chunks(b"sa", b"me"))
    assert first == second
    assert files_in(tmp_path) == [first.digest]


async def test_a_stream_that_breaks_off_leaves_nothing_and_says_why(storage: ContentStore, tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        await storage.put(broken())
    assert not files_in(tmp_path)


async def test_what_is_not_there_is_missing(storage: ContentStore) -> None:
    with pytest.raises(ContentMissing):
        await everything(storage, "0" * 64)
    assert not await storage.has("0" * 64)
    assert not await storage.delete("0" * 64)


async def test_a_content_can_be_removed(storage: ContentStore) -> None:
    stored = await storage.put(chunks(b"gone"))
    assert not await storage.delete(stored.digest, written_before=utc_now() - timedelta(hours=1))
    assert await storage.delete(stored.digest)
    assert not await storage.has(stored.digest)


async def test_a_content_written_again_while_it_is_being_removed_stays(
    storage: ContentStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = await storage.put(chunks(b"again"))
    place = tmp_path / "sha256" / stored.digest[:2] / stored.digest[2:4] / stored.digest
    os.utime(place, (0, 0))
    ask = obstore.head_async
    asked: list[str] = []

    async def head_then_somebody_writes(store: LocalStore, path: str) -> "ObjectMeta":
        found = await ask(store, path)
        if not asked:
            asked.append(path)
            await storage.put(chunks(b"again"))
        return found

    monkeypatch.setattr(obstore, "head_async", head_then_somebody_writes)
    assert not await storage.delete(stored.digest, written_before=utc_now() - timedelta(hours=1))
    assert await everything(storage, stored.digest) == b"again"
    os.utime(place, (0, 0))
    assert await storage.delete(stored.digest, written_before=utc_now() - timedelta(hours=1))
    assert not files_in(tmp_path)


async def test_the_store_lists_what_it_keeps(storage: ContentStore) -> None:
    kept = {(await storage.put(chunks(content))).digest for content in (b"a", b"b", b"c")}
    assert {entry.digest async for batch in storage.entries() for entry in batch} == kept


async def test_unfinished_uploads_are_cleared_away_after_their_time(storage: ContentStore, tmp_path: Path) -> None:
    obstore.put(LocalStore(tmp_path), "incoming/0123", b"half")
    assert await storage.forget_incoming(utc_now() - timedelta(hours=1)) == 0
    assert await storage.forget_incoming(utc_now() + timedelta(hours=1)) == 1


DIES_HALF_WAY = """
import asyncio, os, signal, sys
from pathlib import Path
from obstore.store import LocalStore
from services.intake.attachments.object_store import ContentStore

async def content():
    for _ in range(8):
        yield bytes(1024**2)
    os.kill(os.getpid(), signal.SIGKILL)

folder = Path(sys.argv[1])
asyncio.run(ContentStore(LocalStore(folder), folder).put(content()))
"""


async def test_what_a_killed_process_left_half_written_is_cleared_away_too(
    storage: ContentStore, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", DIES_HALF_WAY, str(tmp_path))
    assert await process.wait() == -signal.SIGKILL
    assert len(files_in(tmp_path)) == 1
    assert [entry async for entry in storage.entries()] == [], "it never looks whole"
    assert await storage.forget_incoming(utc_now() - timedelta(hours=1)) == 0
    assert await storage.forget_incoming(utc_now() + timedelta(hours=1)) == 1
    assert not files_in(tmp_path)


async def test_nobody_else_on_the_machine_may_look_into_the_folder(tmp_path: Path) -> None:
    settings = StorageSettings.model_construct(storage_url=str(tmp_path / "files"))
    await ContentStore.connect(settings).put(chunks(b"private"))
    assert (tmp_path / "files").stat().st_mode & 0o077 == 0
