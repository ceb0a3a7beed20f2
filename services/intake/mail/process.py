"""The mail process: its transports, its workers, and a small HTTP side that says how they are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.intake.attachments.object_store import Storage
from services.intake.mail.pipeline.factory import assemble
from services.intake.mail.pipeline.processing import MailPipeline
from services.intake.mail.pipeline.queue import waiting
from services.intake.mail.settings import MailSettings
from services.intake.mail.transports.mailboxes import Mailboxes
from services.intake.mail.transports.reception import Reception
from services.intake.mail.transports.smtp import listen
from services.intake.models import RawMailState
from shared.kit.db import Database
from shared.kit.http.app import create_app
from shared.kit.processes import background


class GivenUp(Exception):
    """Mails wait for an operator."""


def build(settings: MailSettings) -> FastAPI:
    """The process as an application, listening to nothing yet."""
    database = Database.connect(settings)
    storage = Storage.connect(settings)
    parts = assemble(settings, database, storage)
    gate, reader = parts.gate, parts.reader
    processing = MailPipeline(parts, settings)
    reception = Reception(database, storage, processing.wake)
    mailboxes = Mailboxes(settings, reception)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        server = await listen(settings, reception, gate.bans)
        app.state.mailboxes, app.state.gate = mailboxes, gate
        app.state.mail_in_port = server.sockets[0].getsockname()[1]
        async with background({"processing": processing.run, **mailboxes.jobs}):
            yield
        server.close()
        await asyncio.wait_for(reader.close(), 10)
        await database.dispose()

    async def nothing_given_up() -> None:
        async with database.begin() as session:
            failed = (await waiting(session)).get(RawMailState.FAILED, 0)
        if failed:
            raise GivenUp(f"{failed} mails could not be processed: everdesk mail list")

    return create_app(
        title="Everdesk mail in",
        service="mail_in",
        settings=settings,
        lifespan=lifespan,
        needed={"database": database.check_writable},
        wanted={"mails": nothing_given_up, "mailboxes": mailboxes.check},
    )
