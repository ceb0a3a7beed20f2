"""Files wait for clamd, and come out clean or into quarantine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from services.intake.attachments import scanning as scanning_module
from services.intake.attachments.object_store import Storage
from services.intake.attachments.scanning import Clamd, ScannerUnavailable, scan_for_ever
from services.intake.models import Attachment, AttachmentState
from shared.kit.clock import new_id, utc_now
from tests.services.intake.door import Door
from tests.support.eventually import eventually
from tests.support.small_server import Serve, serving

BAD = b"X5O!P%@AP a known bad file"


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def clamd(verdict: Callable[[bytes], bytes], asked: list[bytes] | None = None) -> Serve:
    """Speaks the protocol as clamd does: a command, chunks with their lengths, an empty one, an answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        content = b""
        while length := int.from_bytes(await reader.readexactly(4), "big"):
            content += await reader.readexactly(length)
        if asked is not None:
            asked.append(content)
        writer.write(b"stream: " + verdict(content) + b"\0")
        await writer.drain()
        writer.close()

    return serve


def by_content(content: bytes) -> bytes:
    return b"Eicar-Test-Signature FOUND" if BAD in content else b"OK"


@pytest.mark.parametrize(
    ("content", "found"), [((b"harmless ", b"words"), None), ((b"x" * 300_000, BAD), "Eicar-Test-Signature")]
)
async def test_clamd_is_asked_chunk_by_chunk(content: tuple[bytes, ...], found: str | None) -> None:
    async with serving(clamd(by_content)) as port:
        assert await Clamd(f"127.0.0.1:{port}").finds(chunks(*content)) == found


async def test_what_clamd_cannot_look_into_is_not_called_clean() -> None:
    async with serving(clamd(lambda _: b"INSTREAM size limit exceeded. ERROR")) as port:
        assert await Clamd(f"127.0.0.1:{port}").finds(chunks(b"large")) is not None


async def test_a_clamd_that_hangs_up_on_what_is_too_large_has_answered_nevertheless() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(100_000)
        writer.write(b"INSTREAM size limit exceeded. ERROR\0")
        await writer.drain()
        writer.transport.abort()

    async with serving(hang_up) as port:
        assert await Clamd(f"127.0.0.1:{port}").finds(chunks(*[bytes(100_000)] * 400)) is not None


@pytest.mark.parametrize("answer", [b"", b"nonsense", b"ERROR"])
async def test_an_answer_that_is_none_is_no_verdict(answer: bytes) -> None:
    async with serving(clamd(lambda _: answer)) as port:
        with pytest.raises(ScannerUnavailable):
            await Clamd(f"127.0.0.1:{port}").finds(chunks(b"content"))


async def test_a_clamd_that_is_away_is_no_verdict() -> None:
    async with serving(clamd(by_content)) as port:
        pass
    with pytest.raises(ScannerUnavailable):
        await Clamd(f"127.0.0.1:{port}").finds(chunks(b"content"))


@asynccontextmanager
async def scanning(door: Door, address: str) -> AsyncIterator[None]:
    task = asyncio.create_task(scan_for_ever(door.database, door.app.state.intake.storage, Clamd(address)))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def pending(door: Door, content: bytes) -> Callable[[AttachmentState], Awaitable[None]]:
    """A file to be scanned; what comes back says that it has reached a state."""
    storage: Storage = door.app.state.intake.storage
    stored, attachment_id = await storage.put(chunks(content)), new_id()
    async with door.database.begin() as session:
        session.add(
            Attachment(
                id=attachment_id,
                digest=stored.digest,
                name="file.txt",
                media_type="text/plain",
                size=stored.size,
                state=AttachmentState.PENDING,
                owner="key:test",
                created_at=utc_now(),
            )
        )

    async def has_become(state: AttachmentState) -> None:
        async def look() -> None:
            async with door.database.begin() as session:
                assert (await session.get_one(Attachment, attachment_id)).state is state

        await eventually(look, within=20)

    return has_become


async def test_files_come_out_clean_or_into_quarantine(door: Door) -> None:
    asked: list[bytes] = []
    good, again, bad = new_id().bytes, b"", BAD + new_id().bytes
    first, second, third = await pending(door, good), await pending(door, good + again), await pending(door, bad)
    async with serving(clamd(by_content, asked)) as port, scanning(door, f"127.0.0.1:{port}"):
        await first(AttachmentState.CLEAN)
        await second(AttachmentState.CLEAN)
        await third(AttachmentState.QUARANTINED)
    assert asked.count(good) == 1, "the same bytes are scanned once"


async def test_a_file_that_cannot_be_scanned_holds_up_no_other(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning_module, "BATCH", 2)
    poison = [b"clamd stumbles over this " + new_id().bytes for _ in range(3)]
    stuck, waiting = [await pending(door, content) for content in poison], await pending(door, new_id().bytes)
    stumbling = clamd(lambda content: b"stumbled" if content in poison else b"OK")
    async with serving(stumbling) as port, scanning(door, f"127.0.0.1:{port}"):
        await waiting(AttachmentState.CLEAN)
        for each in stuck:
            await each(AttachmentState.PENDING)
    async with serving(clamd(by_content)) as port, scanning(door, f"127.0.0.1:{port}"):
        for each in stuck:
            await each(AttachmentState.CLEAN)


async def test_while_clamd_is_away_files_wait_and_are_scanned_when_it_is_back(door: Door) -> None:
    async with serving(clamd(by_content)) as port:
        address = f"127.0.0.1:{port}"
    waiting = await pending(door, new_id().bytes)
    async with scanning(door, address):
        await waiting(AttachmentState.PENDING)
        server = await asyncio.start_server(clamd(by_content), "127.0.0.1", port)
        await waiting(AttachmentState.CLEAN)
        server.close()
