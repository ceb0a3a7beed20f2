"""Builds the mail process: its transports, the pipeline, and an HTTP application for health and metrics."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.intake.attachments.object_store import ContentStore
from services.intake.mail.pipeline.factory import build_pipeline
from services.intake.mail.pipeline.processing import MailPipeline
from services.intake.mail.pipeline.queue import count_by_state
from services.intake.mail.settings import MailSettings
from services.intake.mail.transports.imap_watcher import MailboxWatchers
from services.intake.mail.transports.raw_mail_store import RawMailStore
from services.intake.mail.transports.smtp import listen
from services.intake.measures import measure_mails
from services.intake.models import RawMailState
from shared.kit.db import Database, dsn_of
from shared.kit.http.app import create_app
from shared.kit.measures import Measures
from shared.kit.processes import background
from shared.kit.shared_budgets import SharedBudgets


class FailedMailsWaiting(Exception):
    """Mails failed and wait for an operator: `everdesk mail list`."""


def build(settings: MailSettings) -> FastAPI:
    """The process as an application, listening to nothing yet."""
    database = Database.connect(settings)
    storage = ContentStore.connect(settings)
    state = build_pipeline(settings, database, storage)
    admission, reader = state.admission, state.parser
    processing = MailPipeline(state, settings)
    reception = RawMailStore(database, storage, processing.wake)
    mailboxes = MailboxWatchers(settings, reception)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        server = await listen(settings, reception, admission.bans, SharedBudgets(database, settings))
        app.state.mailboxes, app.state.admission, app.state.processing = mailboxes, admission, processing
        app.state.mail_in_port = server.sockets[0].getsockname()[1]
        app.state.stopping.when_begun(server.close)
        jobs = {"processing": processing.run, **mailboxes.jobs(dsn_of(settings))}
        async with background(jobs, app.state.stopping):
            yield
        server.close()
        async with asyncio.timeout(10):
            await reader.close()
            await state.persister.renderer.close()
        await database.dispose()

    async def nothing_given_up() -> None:
        async with database.begin() as session:
            failed = (await count_by_state(session)).get(RawMailState.FAILED, 0)
        if failed:
            raise FailedMailsWaiting(f"{failed} mails could not be processed: everdesk mail list")

    app = create_app(
        title="Everdesk mail in",
        service="mail_in",
        settings=settings,
        lifespan=lifespan,
        needed={"database": database.check_writable},
        wanted={"mails": nothing_given_up, "mailboxes": mailboxes.check},
    )
    app.state.measures = Measures({"mails": lambda: measure_mails(database)})
    return app
