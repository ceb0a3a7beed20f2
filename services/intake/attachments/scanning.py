"""Looking into files for malware with clamd, before anybody is given them."""

import asyncio
from collections.abc import AsyncIterable, Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from sqlalchemy import Boolean, literal_column, select, update

from services.intake.attachments.object_store import ContentMissing, Storage, StorageUnavailable
from services.intake.models import Attachment, AttachmentState
from shared.kit.db import Database
from shared.kit.telemetry import log

AT_ONCE = 4
BATCH = 50
IDLE_SECONDS = 2.0
WITHIN_SECONDS = 120.0
"""For one file."""
CONNECT_SECONDS = 5.0
MAX_REPLY = 4_096
IS_PENDING = literal_column("attachments.state = 'pending'", Boolean)
"""In the words of the index, which a parameter would hide."""
FIRST = UUID(int=0)
"""Before every file."""


class ScannerUnavailable(Exception):
    """clamd did not answer, or not to the question; trying again later may help."""


class Clamd:
    """Asks a clamd. Own code: the protocol is one command, and no library for it that is kept up is asynchronous."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def finds(self, content: AsyncIterable[bytes]) -> str | None:
        """The name of what is wrong with a content, or None. Raises ScannerUnavailable."""
        try:
            async with asyncio.timeout(WITHIN_SECONDS):
                return _verdict(await self._ask(content))
        except OSError as error:
            raise ScannerUnavailable(f"clamd does not answer: {type(error).__name__}") from error

    async def _ask(self, content: AsyncIterable[bytes]) -> str:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await self._connect()
        answer = asyncio.create_task(reader.read(MAX_REPLY))
        try:
            with suppress(ConnectionError):
                await _send(writer, content, answer)
            return (await answer).rstrip(b"\0\n").decode("utf-8", "replace")
        finally:
            answer.cancel()
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._address.startswith("/"):
            return await asyncio.open_unix_connection(self._address)
        host, _, port = self._address.rpartition(":")
        return await asyncio.open_connection(host.strip("[]"), int(port))


async def _send(writer: asyncio.StreamWriter, content: AsyncIterable[bytes], answer: asyncio.Task[bytes]) -> None:
    """Stops when clamd has answered: to what is too large for it, it does so before the end, and hangs up."""
    writer.write(b"zINSTREAM\0")
    async for chunk in content:
        if answer.done():
            return
        writer.write(len(chunk).to_bytes(4, "big") + chunk)
        await writer.drain()
    writer.write(bytes(4))
    await writer.drain()


def _verdict(reply: str) -> str | None:
    answer = reply.removeprefix("stream: ")
    if answer == "OK":
        return None
    if answer.endswith(" FOUND"):
        return answer.removesuffix(" FOUND")
    if "size limit exceeded" in answer:
        return "larger than the scanner looks into"
    raise ScannerUnavailable(f"clamd answered: {answer[:200]!r}")


async def scan_for_ever(database: Database, storage: Storage, clamd: Clamd) -> None:
    """Scans whatever is pending, in turns, so that a file which cannot be scanned holds up no other.

    While clamd is away, files wait and nothing is served unseen.
    """
    gate, after = asyncio.Semaphore(AT_ONCE), FIRST
    while True:
        waiting = await pending_files(database, after)
        async with asyncio.TaskGroup() as group:
            scans = [
                group.create_task(_scan(database, storage, clamd, digest, gate))
                for digest in dict.fromkeys(waiting.values())
            ]
        failures = [failure for scan in scans if (failure := scan.result())]
        if failures:
            log.warning("scanner.away", files=len(failures), error=str(failures[0]))
        after = max(waiting) if len(waiting) == BATCH else FIRST
        if failures or after == FIRST:
            await asyncio.sleep(IDLE_SECONDS)


async def pending_files(database: Database, after: UUID) -> Mapping[UUID, str]:
    """The next files to be scanned, oldest first, with their digests; files with the same bytes are scanned once."""
    query = (
        select(Attachment.id, Attachment.digest)
        .where(IS_PENDING, Attachment.id > after)
        .order_by(Attachment.id)
        .limit(BATCH)
    )
    async with database.begin() as session:
        return {row.id: row.digest for row in await session.execute(query)}


async def _scan(
    database: Database, storage: Storage, clamd: Clamd, digest: str, gate: asyncio.Semaphore
) -> ScannerUnavailable | StorageUnavailable | None:
    """Settles what becomes of a content; what is returned is why that was not possible."""
    async with gate:
        try:
            found = await clamd.finds(storage.get(digest))
        except ContentMissing:
            found = "its content is missing"
        except (ScannerUnavailable, StorageUnavailable) as failure:
            return failure
    ids = await _settle(database, digest, AttachmentState.QUARANTINED if found else AttachmentState.CLEAN)
    if found:
        log.warning("attachment.quarantined", found=found, attachments=[str(one) for one in ids])
    return None


async def _settle(database: Database, digest: str, state: AttachmentState) -> Sequence[UUID]:
    settled = (
        update(Attachment)
        .where(Attachment.digest == digest, Attachment.state == AttachmentState.PENDING)
        .values(state=state)
        .returning(Attachment.id)
    )
    async with database.begin() as session:
        return (await session.scalars(settled)).all()
