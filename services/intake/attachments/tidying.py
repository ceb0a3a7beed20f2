"""Clearing away: files nobody attached, uploads that broke off, and bytes no row speaks of any more."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import CompoundSelect, delete, select, union_all

from services.intake.models import Attachment, RawMail
from shared.kit.clock import utc_now
from shared.kit.db import Database
from shared.kit.storage import Entry, Storage, StorageUnavailable
from shared.kit.telemetry import log

EVERY_SECONDS = 3600.0
GRACE = timedelta(hours=2)
"""Bytes this young are left alone: the row that will speak of them may not be written yet."""


async def tidy_for_ever(database: Database, storage: Storage, unattached_hours: int) -> None:
    """Once an hour."""
    while True:
        try:
            await tidy(database, storage, timedelta(hours=unattached_hours))
        except StorageUnavailable as error:
            log.warning("files.untidied", error=str(error))
        await asyncio.sleep(EVERY_SECONDS)


async def tidy(database: Database, storage: Storage, unattached_for: timedelta, grace: timedelta = GRACE) -> int:
    """Clears away once; returns how many contents went. Raises StorageUnavailable."""
    now = utc_now()
    async with database.begin() as session:
        await session.execute(
            delete(Attachment).where(Attachment.ticket_id.is_(None), Attachment.created_at < now - unattached_for)
        )
    await storage.forget_incoming(now - max(grace, timedelta(hours=6)))
    removed = 0
    async for batch in storage.entries():
        removed += await _remove_unknown(database, storage, batch, grace)
    return removed


async def remove_contents(
    database: Database, storage: Storage, digests: Sequence[str], grace: timedelta = GRACE
) -> int:
    """Removes those of the contents that no row speaks of; returns how many. Raises StorageUnavailable.

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


async def _remove_unknown(database: Database, storage: Storage, entries: Sequence[Entry], grace: timedelta) -> int:
    digests = [entry.digest for entry in entries if entry.written_at < utc_now() - grace]
    async with database.begin() as session:
        known = set(await session.scalars(_spoken_of(digests)))
    return await remove_contents(database, storage, [one for one in digests if one not in known], grace)
