"""A mail whose writing ends the sender: counted before the work, parked the third time, and retried by hand."""

import asyncio

from sqlalchemy import select

from services.notification.commands import retry_delivery
from services.notification.consumers import Notifier
from services.notification.delivery.queue import DeliveryQueue, MailJob
from services.notification.delivery.sender import FATAL, Sender
from services.notification.delivery.status import DeliveryStatus
from services.notification.models import Delivery
from services.notification.recipients.held_mails import drop_unseen
from services.notification.settings import NotificationSettings
from shared.contracts.vocabulary import ActorKind, BodyFormat
from shared.kit.administrator_passes import Administrator
from shared.kit.db import Database
from shared.kit.user_content.renderer import BodyRenderer
from shared.kit.user_content.rendering import Rendered
from tests.services.notification.conftest import mail_server, settings  # noqa: F401 - fixtures
from tests.services.notification.delivery.test_crashes import SHORT, database, notifier, sending  # noqa: F401 - fixtures
from tests.services.notification.mail_server import MailServer
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually
from tests.support.service_engines import engines_of

engines = engines_of("notification")
BODY = "<p>words</p>" * 1000


class EndsTheProcess(BodyRenderer):
    """Its libraries crash the process that calls them."""

    async def show(self, body: str, body_format: BodyFormat) -> Rendered:
        """Never comes back."""
        await asyncio.Event().wait()
        raise AssertionError(body, body_format)


def doomed_sender(queue: DeliveryQueue, settings: NotificationSettings) -> Sender:  # noqa: F811
    """Made before it claims: reading its templates takes longer than a short lease where the machine is busy."""

    async def nothing() -> None: ...

    sender = Sender(queue, settings, nothing)
    sender._renderer = EndsTheProcess()
    return sender


async def end_while_writing(sender: Sender, jobs: list[MailJob]) -> None:
    """A sender that is gone in the middle of a mail."""
    crash = asyncio.create_task(sender._send_batch(jobs))
    done, _ = await asyncio.wait([crash], timeout=0.3)
    crash.cancel()
    await asyncio.gather(crash, return_exceptions=True)
    assert not done


async def test_a_mail_that_ends_its_sender_twice_is_parked_and_can_be_retried(
    settings: NotificationSettings,  # noqa: F811
    database: Database,  # noqa: F811
    notifier: Notifier,  # noqa: F811
    mail_server: MailServer,  # noqa: F811
) -> None:
    story, queue = TicketEvents(), DeliveryQueue(database, SHORT, drop_unseen)
    await notifier.on_events([story.submitted()])
    async with sending(queue, settings):
        await eventually(lambda: mail_server.about(story.number))
    await notifier.on_events([story.message(ActorKind.AGENT, BODY, body_format=BodyFormat.HTML)])
    for _ in range(2):
        doomed = doomed_sender(queue, settings)
        jobs = await eventually(queue.claim, within=5)
        await end_while_writing(doomed, [job for job in jobs if job.facts.get("body")])

    async def failed() -> Delivery:
        async with database.begin() as session:
            return (await session.scalars(select(Delivery).where(Delivery.status == DeliveryStatus.FAILED))).one()

    async with sending(queue, settings) as sender:
        parked = await eventually(failed, within=5)
        assert parked.last_error == FATAL
        async with database.begin() as session:
            await retry_delivery(session, Administrator("operator", "The operator's token", ""), parked.id)
        sender.wake()

        def has_arrived() -> None:
            assert len(mail_server.about(story.number)) == 2

        await eventually(has_arrived, within=5)
