"""Takes whole mails over HTTP from mail servers that pipe them into the help desk; the caller waits for the outcome."""

import asyncio

from sqlalchemy import select

from services.intake.attachments.object_store import ContentStore
from services.intake.mail.pipeline.factory import build_pipeline
from services.intake.mail.pipeline.processing import MailNotReady, MailPipeline
from services.intake.mail.settings import MailSettings
from services.intake.mail.transports.imap_watcher import arrival_of
from services.intake.mail.transports.raw_mail_store import RawMailStore, identity_of
from services.intake.models import RawMail, RawMailState, Ticket
from services.intake.settings import IntakeSettings
from shared.kit.db import Database

SOURCE = "api"
WAIT_SECONDS = 20.0
LOOK_SECONDS = 0.1


class SenderBanned(Exception):
    """The sender is on the ban list; the mail was not kept."""


class NotSettled(Exception):
    """The mail is kept, and what becomes of it is not known yet."""


class MailPipe:
    """The way of every mail: kept first, then read and settled, here or by the mail process, whoever is first."""

    def __init__(self, settings: IntakeSettings, database: Database, storage: ContentStore) -> None:
        mail_settings = MailSettings(**settings.model_dump())
        state = build_pipeline(mail_settings, database, storage)
        self._database = database
        self._bans, self._reader = state.admission.bans, state.parser
        self._renderer = state.persister.renderer
        self._reception = RawMailStore(database, storage)
        self._processing = MailPipeline(state, mail_settings)

    async def submit(self, raw: bytes) -> str | None:
        """The number of the mail's ticket; None for one that rightly has no effect, such as a loop.

        Handed over twice, a mail gets the same answer. Raises SenderBanned, NotSettled, StorageUnavailable.
        """
        arrival = arrival_of(raw, SOURCE)
        if await self._bans.forbids(arrival.sender):
            raise SenderBanned
        await self._reception.store(arrival)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                stored = await self._settled(identity_of(raw))
        except (TimeoutError, MailNotReady):
            raise NotSettled from None
        return await self._number_of(stored)

    async def close(self) -> None:
        """Ends the reading processes."""
        await self._reader.close()
        await self._renderer.close()

    async def _settled(self, identity: str) -> RawMail:
        while True:
            async with self._database.begin() as session:
                stored = (await session.scalars(select(RawMail).where(RawMail.identity == identity))).one()
            if stored.state is not RawMailState.RECEIVED:
                return stored
            if await self._processing.process(stored.id) is None:
                await asyncio.sleep(LOOK_SECONDS)

    async def _number_of(self, stored: RawMail) -> str | None:
        if stored.state is RawMailState.FAILED:
            raise NotSettled
        async with self._database.begin() as session:
            return await session.scalar(select(Ticket.number).where(Ticket.id == stored.ticket_id))
