"""Finishes erasures: deletes the events from the stream and contents from the store once no consumer needs them.

An event is deleted only when every durable consumer has acknowledged the erasure behind it: earlier, a service that is
behind would miss a fact, and one that is away would never hear whom to forget.
"""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from services.intake.attachments.garbage_collection import remove_contents
from services.intake.attachments.object_store import ContentStore, StorageUnavailable
from services.intake.models import Erasure, SideMail
from services.intake.privacy.ticket_erasure import subjects_of
from shared.contracts.events import Envelope, Event, RequesterChanged, RequesterErased, TicketErased
from shared.contracts.events.side_conversations import is_beside
from shared.kit import outbox
from shared.kit.bus import BusUnavailable, StreamEraser
from shared.kit.bus.connection import REFUSED
from shared.kit.clock import utc_now
from shared.kit.db import Database
from shared.kit.requester_ids import RequesterIds
from shared.kit.telemetry import log

EVERY_SECONDS = 5.0
AT_ONCE = 50
CONTENT_GRACE = timedelta(seconds=30)
"""A file written more lately stays for now: somebody else may have sent the same, and the row may be on its way."""
GIVEN_UP_AFTER = timedelta(days=31)
"""Once the event itself has aged out of the stream, so has all it was about."""


class ErasureJob:
    """Does what is left of each erasure, for ever; it may be done twice without harm."""

    def __init__(self, database: Database, stream: StreamEraser, storage: ContentStore, ids: RequesterIds) -> None:
        self._database = database
        self._stream = stream
        self._storage = storage
        self._ids = ids

    async def run(self) -> None:
        """Looks every few seconds."""
        while True:
            try:
                await self.finish_erasures()
            except (StorageUnavailable, BusUnavailable, *REFUSED) as error:
                log.warning("erasure.waits", error=repr(error))
            await asyncio.sleep(EVERY_SECONDS)

    async def finish_erasures(self) -> int:
        """One round; returns how many erasures are finished by it."""
        async with self._database.begin() as session:
            query = select(Erasure).where(Erasure.finished_at.is_(None)).order_by(Erasure.erased_at).limit(AT_ONCE)
            waiting = (await session.scalars(query)).all()
        return sum([await self._finish(erasure) for erasure in waiting])

    async def _finish(self, erasure: Erasure) -> bool:
        await remove_contents(self._database, self._storage, erasure.digests, CONTENT_GRACE)
        is_settled = utc_now() - erasure.erased_at > CONTENT_GRACE or not erasure.digests
        if not (await self._clear_stream(erasure) and is_settled):
            return False
        async with self._database.begin() as session:
            took_part = [subject for ticket_id in erasure.took_part_in for subject in subjects_of(ticket_id)]
            await outbox.forget_published(session, took_part)
            done = await session.get_one(Erasure, erasure.id)
            if done.requester_id is None:
                await session.delete(done)
            else:
                done.finished_at, done.digests = utc_now(), []
        log.info("erasure.finished", erasure_id=str(erasure.id), tickets=len(erasure.ticket_ids))
        return True

    async def _clear_stream(self, erasure: Erasure) -> bool:
        for subject in _announced_on(erasure):
            position = await self._stream.position_of(subject)
            if position is None and utc_now() - erasure.erased_at < GIVEN_UP_AFTER:
                return False
            if position is not None and not await self._stream.has_everybody_passed(position):
                return False
        for ticket_id in erasure.ticket_ids:
            for subject in subjects_of(ticket_id):
                await self._stream.erase(subject)
        side_messages = await self._side_messages(erasure.requester_id) if erasure.took_part_in else frozenset()

        def is_their_part(event: Envelope) -> bool:
            """Not what was written since: that is new, and somebody may still wait for it."""
            is_theirs = self._speaks_of(event, erasure.requester_id) or is_beside(event.data, side_messages)
            return is_theirs and event.time <= erasure.erased_at

        for ticket_id in erasure.took_part_in:
            for subject in subjects_of(ticket_id):
                await self._stream.erase(subject, is_their_part)
        if erasure.requester_id is not None:
            subject = f"{RequesterChanged.type()}.*"
            await self._stream.erase(subject, lambda event: self._speaks_of(event, erasure.requester_id))
        return True

    async def _side_messages(self, requester_id: UUID | None) -> frozenset[str]:
        """What was written to and by a third party: their answers name no address."""
        erased = SideMail.requester_id == requester_id, SideMail.is_erased
        async with self._database.begin() as session:
            found = await session.scalars(select(SideMail.message_id).where(*erased))
            return frozenset(str(message_id) for message_id in found)

    def _speaks_of(self, envelope: Envelope, requester_id: UUID | None) -> bool:
        return any(self._ids.of(email) == requester_id for email in _addresses_in(envelope))


def _announced_on(erasure: Erasure) -> list[str]:
    if erasure.requester_id is not None:
        return [_subject(RequesterErased, erasure.requester_id)]
    return [_subject(TicketErased, ticket_id) for ticket_id in erasure.ticket_ids]


def _subject(event: type[Event], entity_id: UUID) -> str:
    return f"{event.type()}.{entity_id}"


def _addresses_in(envelope: Envelope) -> Iterator[str]:
    """Every address that a submission, a message, or the news of a participant or a requester names."""
    data = envelope.data
    for person in (data, data.get("author"), data.get("requester")):
        if isinstance(person, dict) and isinstance(email := person.get("email"), str):
            yield email
    if isinstance(added_by := data.get("added_by"), str):
        yield added_by
    for several in ("cc", "addresses", "released"):
        listed = data.get(several)
        yield from (one for one in listed if isinstance(one, str)) if isinstance(listed, list) else ()
