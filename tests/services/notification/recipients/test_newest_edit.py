"""An event that is replayed after newer ones, as dead letters are, undoes nothing of what those said."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.notification.consumers import Notifier
from services.notification.models import RecipientAddress, Ticket
from services.notification.recipient_addresses import clear_bounce, key_of, mark_bounced
from services.notification.settings import NotificationSettings
from shared.contracts.base import AgentId
from shared.contracts.events import Author, Envelope, Person, TicketEdited
from shared.contracts.vocabulary import ActorKind
from shared.kit.administrator_passes import Administrator
from shared.kit.auth import MailThreads
from shared.kit.clock import new_id, utc_now
from shared.kit.requester_ids import RequesterIds
from tests.services.notification.mail_server import MailServer
from tests.services.notification.running import Running
from tests.services.notification.ticket_events import TicketEvents, wrapped
from tests.support.eventually import eventually

pytestmark = pytest.mark.usefixtures("alone")
OLDER = utc_now()
NEWER = OLDER + timedelta(seconds=1)


def edit(story: TicketEvents, at: datetime, said: str, **changes: Any) -> Envelope:
    """An agent corrects the subject and names somebody else as the requester."""
    who = Person(email=f"{said}-{story.number}@bank.example", name=said.title())
    values = {"subject": f"What is {said}", "requester": who} | changes
    return wrapped(TicketEdited(ticket_id=story.ticket_id, agent_id=story.ada, edited_at=at, **values))


async def answered(service: Running, mail_server: MailServer, story: TicketEvents) -> tuple[str, str]:
    """Whom the next reply of an agent goes to, and its subject."""
    before = len(mail_server.about(story.number))
    await service.publish(*story.people(), story.message(ActorKind.AGENT, "It is repaired."))
    await eventually(lambda: len(mail_server.about(story.number)) > before)
    mail = mail_server.about(story.number)[-1]
    return mail["To"].addresses[0].addr_spec, mail["Subject"].partition("] ")[2]


@pytest.mark.parametrize("order", ["submitted newer older", "newer submitted older", "newer older submitted"])
async def test_an_edit_is_undone_neither_by_an_older_one_nor_by_the_submission(
    service: Running, mail_server: MailServer, order: str
) -> None:
    story = TicketEvents()
    events = {
        "submitted": story.submitted(alert=False, acknowledge=False),
        "newer": edit(story, NEWER, "newer"),
        "older": edit(story, OLDER, "older"),
    }
    for name in order.split():
        await service.publish(events[name])
    await service.deliver_again(events["submitted"])
    expected = f"newer-{story.number}@bank.example", "What is newer"
    assert await answered(service, mail_server, story) == expected


async def test_an_older_edit_says_what_no_newer_one_says(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    await service.publish(
        story.submitted(alert=False, acknowledge=False),
        edit(story, NEWER, "newer", requester=None),
        edit(story, OLDER, "older"),
    )
    expected = f"older-{story.number}@bank.example", "What is newer"
    assert await answered(service, mail_server, story) == expected


async def test_an_edit_that_comes_late_leaves_where_the_requester_has_written_from_since(
    service: Running, mail_server: MailServer
) -> None:
    story = TicketEvents()
    elsewhere = f"ruth-at-home-{story.number}@bank.example"
    await service.publish(
        story.submitted(alert=False, acknowledge=False),
        story.message(ActorKind.REQUESTER, requester_address=elsewhere, received_at=NEWER),
        edit(story, OLDER, "older"),
    )
    assert await answered(service, mail_server, story) == (elsewhere, "What is older")


async def test_of_replies_in_one_batch_the_newest_names_who_answered_last(
    service: Running, settings: NotificationSettings
) -> None:
    story = TicketEvents()
    other = Author(kind=ActorKind.AGENT, id=AgentId(new_id()), name="Bruno")
    newer = story.message(ActorKind.AGENT, received_at=NEWER)
    older = story.message(ActorKind.AGENT, received_at=OLDER, author=other)
    threads, ids = MailThreads(settings, settings.mail_domain), RequesterIds(settings)
    await Notifier(service.database, service.bus, threads, ids, lambda: None).on_events([newer, older])
    async with service.database.begin() as session:
        assert (await session.get_one(Ticket, story.ticket_id)).last_responder_id == story.ada


async def test_a_bounce_from_before_mail_was_allowed_again_does_not_stop_it(service: Running) -> None:
    address, bounced_at = f"lee-{new_id().hex[:8]}@bank.example", utc_now()
    operator = Administrator(id=str(new_id()), name="Olga", address="192.0.2.1")

    async def is_bouncing() -> bool:
        async with service.database.begin() as session:
            return (await session.get_one(RecipientAddress, key_of(address))).bounced_at is not None

    async with service.database.begin() as session:
        await mark_bounced(session, address, "no such mailbox", bounced_at)
    assert await is_bouncing()
    async with service.database.begin() as session:
        await clear_bounce(session, operator, address)
        await mark_bounced(session, address, "no such mailbox", bounced_at)
    assert not await is_bouncing()
    async with service.database.begin() as session:
        await mark_bounced(session, address, "no such mailbox", utc_now())
    assert await is_bouncing()
