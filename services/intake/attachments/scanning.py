"""Looking into files for malware with clamd, before anybody is given them."""

import asyncio
from collections.abc import AsyncIterable, Sequence
from contextlib import suppress
from uuid import UUID

from sqlalchemy import select, update

from services.intake.models import Attachment, AttachmentState
from shared.kit.db import Database
from shared.kit.storage import ContentMissing, Storage, StorageUnavailable
from shared.kit.telemetry import log

AT_ONCE = 4
BATCH = 50
IDLE_SECONDS = 2.0
WITHIN_SECONDS = 120.0
"""For one file."""
CONNECT_SECONDS = 5.0
MAX_REPLY = 4_096


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
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise ScannerUnavailable(f"clamd does not answer: {type(error).__name__}") from error

    async def _ask(self, content: AsyncIterable[bytes]) -> str:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await self._connect()
        try:
            writer.write(b"zINSTREAM\0")
            async for chunk in content:
                writer.write(len(chunk).to_bytes(4, "big") + chunk)
                await writer.drain()
            writer.write(bytes(4))
            await writer.drain()
            return (await reader.read(MAX_REPLY)).rstrip(b"\0\n").decode("utf-8", "replace")
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._address.startswith("/"):
            return await asyncio.open_unix_connection(self._address)
        host, _, port = self._address.rpartition(":")
        return await asyncio.open_connection(host.strip("[]"), int(port))


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
    """Scans whatever is pending; while clamd is away, files wait and nothing is served unseen."""
    gate = asyncio.Semaphore(AT_ONCE)
    while True:
        try:
            waiting = await pending_digests(database)
            async with asyncio.TaskGroup() as group:
                for digest in waiting:
                    group.create_task(_scan(database, storage, clamd, digest, gate))
        except* ScannerUnavailable as away:
            log.warning("scanner.away", error=str(away.exceptions[0]))
            waiting = []
        if len(waiting) < BATCH:
            await asyncio.sleep(IDLE_SECONDS)


async def pending_digests(database: Database) -> Sequence[str]:
    """Contents that wait to be scanned, oldest first; files with the same bytes are scanned once."""
    query = (
        select(Attachment.digest)
        .where(Attachment.state == AttachmentState.PENDING)
        .order_by(Attachment.created_at)
        .limit(BATCH)
    )
    async with database.begin() as session:
        return list(dict.fromkeys(await session.scalars(query)))


async def _scan(database: Database, storage: Storage, clamd: Clamd, digest: str, gate: asyncio.Semaphore) -> None:
    async with gate:
        try:
            found = await clamd.finds(storage.get(digest))
        except ContentMissing:
            found = "its content is missing"
        except StorageUnavailable as error:
            log.warning("scanner.storage_away", error=str(error))
            return
    ids = await _settle(database, digest, AttachmentState.QUARANTINED if found else AttachmentState.CLEAN)
    if found:
        log.warning("attachment.quarantined", found=found, attachments=[str(one) for one in ids])


async def _settle(database: Database, digest: str, state: AttachmentState) -> Sequence[UUID]:
    settled = (
        update(Attachment)
        .where(Attachment.digest == digest, Attachment.state == AttachmentState.PENDING)
        .values(state=state)
        .returning(Attachment.id)
    )
    async with database.begin() as session:
        return (await session.scalars(settled)).all()
