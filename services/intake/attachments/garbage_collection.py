"""Deletes files that were never attached, unfinished uploads, and contents that no row refers to."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import CompoundSelect, delete, select, union_all
from sqlalchemy.dialects.postgresql import insert

from services.intake.attachments.object_store import ContentStore, ObjectEntry, StorageUnavailable
from services.intake.models import Attachment, JobPosition, RawMail
from shared.kit.clock import utc_now
from shared.kit.db import Database
from shared.kit.telemetry import log

EVERY_SECONDS = 3600.0
OBJECTS_PER_ROUND = 5000
"""Contents of the store that a round looks at: the next round goes on there, so that none costs by all there are."""
JOB = "files"
GRACE = timedelta(hours=2)
"""Bytes this young are left alone: the row that will speak of them may not be written yet."""


async def collect_garbage_hourly(database: Database, storage: ContentStore, unattached_hours: int) -> None:
    """Runs `collect_garbage` every hour, for ever."""
    while True:
        try:
            await collect_garbage(database, storage, timedelta(hours=unattached_hours))
        except StorageUnavailable as error:
            log.warning("files.untidied", error=str(error))
        await asyncio.sleep(EVERY_SECONDS)


async def collect_garbage(
    database: Database, storage: ContentStore, unattached_for: timedelta, grace: timedelta = GRACE
) -> int:
    """One round of garbage collection. Returns how many contents were deleted. Raises StorageUnavailable."""
    now = utc_now()
    unattached = delete(Attachment).where(Attachment.ticket_id.is_(None), Attachment.created_at < now - unattached_for)
    async with database.begin() as session:
        digests = set(await session.scalars(unattached.returning(Attachment.digest)))
    await storage.forget_incoming(now - max(grace, timedelta(hours=6)))
    removed = await remove_contents(database, storage, sorted(digests), grace)
    return removed + await _walk(database, storage, grace)


async def _walk(database: Database, storage: ContentStore, grace: timedelta) -> int:
    """Checks the next OBJECTS_PER_ROUND contents, starting over at the end; returns how many were deleted."""
    async with database.begin() as session:
        begun_at = await session.scalar(select(JobPosition.position).where(JobPosition.name == JOB)) or ""
    removed = seen = 0
    position = ""
    async for batch in storage.entries(after=begun_at):
        removed += await _remove_unknown(database, storage, batch, grace)
        seen += len(batch)
        if seen >= OBJECTS_PER_ROUND:
            position = batch[-1].digest
            break
    async with database.begin() as session:
        here = insert(JobPosition).values(name=JOB, position=position)
        await session.execute(
            here.on_conflict_do_update(index_elements=[JobPosition.name], set_={"position": position})
        )
    return removed


async def remove_contents(
    database: Database, storage: ContentStore, digests: Sequence[str], grace: timedelta = GRACE
) -> int:
    """Deletes those of the contents that no row refers to; returns how many. Raises StorageUnavailable.

    One written again within `grace` stays for the next round: somebody has just sent the same bytes.
    """
    removed = 0
    for digest in digests:
        async with database.begin() as session:
            is_known = (await session.execute(_spoken_of([digest]).limit(1))).first() is not None
        if not is_known:
            removed += await storage.delete(digest, written_before=utc_now() - grace)
    return removed


def _spoken_of(digests: Sequence[str]) -> CompoundSelect[str]:
    return union_all(
        select(Attachment.digest).where(Attachment.digest.in_(digests)),
        select(RawMail.digest).where(RawMail.digest.in_(digests)),
    )


async def _remove_unknown(
    database: Database, storage: ContentStore, entries: Sequence[ObjectEntry], grace: timedelta
) -> int:
    digests = [entry.digest for entry in entries if entry.written_at < utc_now() - grace]
    async with database.begin() as session:
        known = set(await session.scalars(_spoken_of(digests)))
    return await remove_contents(database, storage, [one for one in digests if one not in known], grace)
