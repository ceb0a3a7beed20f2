"""Starts the mail process for the fixtures of these tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.intake.mail.app import build
from services.intake.mail.pipeline import processing
from services.intake.mail.settings import MailSettings
from services.intake.settings import IntakeSettings
from tests.services.intake.harness import IntakeHarness
from tests.services.intake.mail.post_office import PostOffice


def mail_settings_in(settings: IntakeSettings, folder: Path, **changes: object) -> MailSettings:
    """The settings of a mail process over the same database, keeping its bytes in `folder`."""
    common = settings.model_dump() | {
        "mail_in_port": 0,
        "storage_url": str(folder),
        "mail_per_sender_per_hour": 1_000_000,
        "mail_pace_seconds": 0,
    }
    return MailSettings(**(common | changes))


@asynccontextmanager
async def running_mail(settings: MailSettings, intake: IntakeHarness) -> AsyncIterator[PostOffice]:
    """The process in this one. What nobody tells it of it finds within a second, in operation within five."""
    app = build(settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processing, "SWEEP_SECONDS", 1.0)
        async with app.router.lifespan_context(app):
            yield PostOffice(app.state.mail_in_port, intake, settings, app.state.admission, app.state.processing)
