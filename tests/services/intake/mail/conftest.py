"""The mail process, on the real database, beside the portal's and the API's side of intake."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from services.intake.mail.settings import MailSettings
    from services.intake.settings import IntakeSettings
    from tests.services.intake.harness import IntakeHarness
    from tests.services.intake.mail.post_office import PostOffice


@pytest.fixture(scope="session")
def mail_settings(settings: "IntakeSettings", tmp_path_factory: pytest.TempPathFactory) -> "MailSettings":
    """As in operation, but for limits that only one test is about."""
    from tests.services.intake.mail.running_mail import mail_settings_in

    return mail_settings_in(settings, tmp_path_factory.mktemp("mail"))


@pytest.fixture(scope="session")
async def post(mail_settings: "MailSettings", intake: "IntakeHarness") -> AsyncIterator["PostOffice"]:
    """The mail process, running."""
    from tests.services.intake.mail.running_mail import running_mail

    async with running_mail(mail_settings, intake) as office:
        yield office
