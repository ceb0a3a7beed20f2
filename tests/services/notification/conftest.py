"""Notification running for real: its own database, the bus, a mail server that can be switched off.

Fixtures import what they need when a test asks for them: the process that hands tests out to others loads this file
before it starts them, and needs none of it.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.service_engines import engines_of

if TYPE_CHECKING:
    from deploy.local.engines import Stack
    from services.notification.settings import NotificationSettings
    from tests.services.notification.mail_server import MailServer
    from tests.services.notification.running import Running


engines = engines_of("notification")


@pytest.fixture(scope="session")
async def mail_server() -> AsyncIterator["MailServer"]:
    from tests.services.notification.mail_server import MailServer

    server = MailServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
async def settings(engines: "Stack", mail_server: "MailServer") -> "NotificationSettings":
    """The service's settings, its database migrated."""
    from tests.services.notification.running import migrated

    return await migrated(engines, mail_server)


@pytest.fixture(scope="session")
def hurried() -> Iterator[None]:
    """Events are handled as they come: in operation mails may wait for half a second more, to be sent together.

    What a worse mail of the same moment may include waits for it for one second, in operation for two. What is due is
    looked for a fifth of a second after the last mails, in operation after one.
    """
    from services.notification import consumers
    from services.notification.delivery import sender
    from services.notification.recipients import settling

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consumers, "MAILS_LINGER_SECONDS", 0.02)
        patch.setattr(consumers, "MAILS_BUSY_SECONDS", 0.05)
        patch.setattr(settling, "TOGETHER", timedelta(seconds=1))
        patch.setattr(sender, "SOON_SECONDS", 0.2)
        yield


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No mail waits for a worse one of the same moment: for tests that are not about what is told together."""
    from services.notification.recipients import settling

    monkeypatch.setattr(settling, "TOGETHER", timedelta())


@pytest.fixture(scope="module")
async def service(settings: "NotificationSettings", hurried: None) -> AsyncIterator["Running"]:
    """Notification, its background jobs running."""
    from tests.services.notification.running import running

    async with running(settings) as service:
        yield service
