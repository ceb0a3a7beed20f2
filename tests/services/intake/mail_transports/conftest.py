"""The mail process, on the real database, beside the portal's and the API's side of intake."""

from collections.abc import AsyncIterator

import pytest

from services.intake.mail.app import build
from services.intake.mail.pipeline import processing
from services.intake.mail.settings import MailSettings
from services.intake.settings import IntakeSettings
from tests.services.intake.harness import IntakeHarness
from tests.services.intake.mail_transports.post_office import PostOffice


@pytest.fixture(scope="session")
def mail_settings(settings: IntakeSettings) -> MailSettings:
    """As in operation, but for limits that only one test is about."""
    return mail_settings_beside(settings)


def mail_settings_beside(settings: IntakeSettings, **changes: object) -> MailSettings:
    """The settings of a mail process over the same database and the same store.

    Whoever is free processes a mail: what one process stored, another has to find.
    """
    common = settings.model_dump() | {"mail_in_port": 0, "mail_per_sender_per_hour": 1_000_000, "mail_pace_seconds": 0}
    return MailSettings(**(common | changes))


@pytest.fixture(scope="session")
async def post(mail_settings: MailSettings, intake: IntakeHarness) -> AsyncIterator[PostOffice]:
    """The mail process, running. It looks more often than in operation for what another process has put back."""
    app = build(mail_settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processing, "SWEEP_SECONDS", 0.5)
        async with app.router.lifespan_context(app):
            yield PostOffice(app.state.mail_in_port, intake, mail_settings, app.state.admission)
