"""Applies the retention policy: deletes texts of old tickets, raw mails and leftovers past their time."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Boolean, literal_column, select

from services.intake.models import Attachment, Erasure, RawMail, Ticket
from services.intake.privacy.ticket_erasure import erase_tickets, remove_files
from services.intake.settings import RetentionPolicy
from shared.contracts.base import TicketId
from shared.contracts.events import TicketErased
from shared.kit import outbox
from shared.kit.auth import TicketLinks
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database, Session

TICKETS_AT_ONCE = 20
MAILS_AT_ONCE = 200
EVERY_SECONDS = 3600.0
IS_READ = literal_column("raw_mails.state <> 'received'", Boolean)
"""In the words of the index, which a parameter would hide."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Erases what has been kept long enough, a little at a time."""

    database: Database
    links: TicketLinks
    keeping: RetentionPolicy

    async def run(self) -> None:
        """Once an hour, for ever."""
        while True:
            await self.delete_expired()
            await asyncio.sleep(EVERY_SECONDS)

    async def delete_expired(self) -> int:
        """All that is due; returns how many tickets and mails it was."""
        now, done = utc_now(), 0
        while self.keeping.tickets and (count := await self._tickets(now - self.keeping.tickets, now)):
            done += count
        while self.keeping.mails and (count := await self._mails(now - self.keeping.mails, now)):
            done += count
        return done

    async def _tickets(self, before: datetime, now: datetime) -> int:
        due = (
            select(Ticket.id)
            .where(Ticket.is_archived, Ticket.erased_at.is_(None), Ticket.updated_at < before)
            .order_by(Ticket.updated_at)
            .limit(TICKETS_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        async with self.database.begin() as session:
            ids = (await session.scalars(due)).all()
            for ticket_id in ids:
                await self._erase(session, TicketId(ticket_id), now)
        return len(ids)

    async def _erase(self, session: Session, ticket_id: TicketId, now: datetime) -> None:
        digests = await erase_tickets(session, self.links, [ticket_id], now)
        session.add(
            Erasure(id=new_id(), ticket_ids=[ticket_id], took_part_in=[], digests=sorted(digests), erased_at=now)
        )
        await outbox.add(session, TicketErased(ticket_id=ticket_id, erased_at=now), f"{ticket_id}:erased", now)

    async def _mails(self, before: datetime, now: datetime) -> int:
        due = (
            select(RawMail.id)
            .where(IS_READ, RawMail.received_at < before)
            .order_by(RawMail.received_at)
            .limit(MAILS_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        async with self.database.begin() as session:
            ids = (await session.scalars(due)).all()
            digests = await remove_files(session, Attachment.id.in_(()), RawMail.id.in_(ids))
            if digests:
                session.add(
                    Erasure(id=new_id(), ticket_ids=[], took_part_in=[], digests=sorted(digests), erased_at=now)
                )
        return len(ids)
