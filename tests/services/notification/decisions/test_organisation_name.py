"""The organisation's name as the sender of mails, as assignment tells of it."""

from collections.abc import AsyncIterator
from email.message import EmailMessage
from itertools import count

import pytest

from services.notification.delivery.sender_name import SenderName
from services.notification.settings import NotificationSettings
from shared.contracts.events import Event, InstallationChanged
from shared.contracts.vocabulary import ActorKind
from shared.kit.clock import utc_now
from shared.kit.organisation_name import OrganisationName
from tests.services.notification.decisions.test_mails import mails_after
from tests.services.notification.mail_server import MailServer, html_of, text_of
from tests.services.notification.running import Running
from tests.services.notification.ticket_events import TicketEvents, wrapped
from tests.support.eventually import eventually

VERSIONS = count(int(utc_now().timestamp()), 1000)


async def told(service: Running, name: str, version: int) -> None:
    """Says what the organisation is called, and waits until it is known."""
    event: Event = InstallationChanged(organisation=name, version=version)
    await service.publish(wrapped(event))
    expected = name or "Everdesk"

    async def is_known() -> None:
        assert service.app.state.app_state.sender_name.text == expected

    await eventually(is_known)


@pytest.fixture
async def version(service: Running) -> AsyncIterator[int]:
    """A version newer than any other; afterwards mails come from Everdesk again."""
    given = next(VERSIONS)
    yield given
    await told(service, "", given + 999)


def to_requester(mail_server: MailServer, story: TicketEvents) -> EmailMessage:
    return next(mail for mail in mail_server.about(story.number) if story.requester in str(mail["To"]))


def sender_of(mail: EmailMessage) -> str:
    return str(mail["From"].addresses[0].display_name)


@pytest.mark.usefixtures("alone")
async def test_mails_to_requesters_and_agents_come_from_the_organisation(
    service: Running, mail_server: MailServer, settings: NotificationSettings, version: int
) -> None:
    await told(service, "Harbour & Sons", version)
    story = TicketEvents()
    await mails_after(service, mail_server, story, 3, story.assigned(), story.message(ActorKind.AGENT, "It works."))
    mails = mail_server.about(story.number)
    assert {sender_of(mail) for mail in mails} == {"Harbour & Sons", "Ada Lovelace (Harbour & Sons)"}
    for mail in mails:
        assert mail["From"].addresses[0].addr_spec == settings.mail_address
        assert mail["Reply-To"].addresses[0].display_name == "Harbour & Sons"
        assert "Everdesk" not in text_of(mail)
        assert "Everdesk" not in html_of(mail)
        assert "<title>Harbour &amp; Sons</title>" in html_of(mail)
    assert f"Harbour & Sons, ticket {story.number}." in text_of(to_requester(mail_server, story))


@pytest.mark.usefixtures("alone")
async def test_without_a_name_mails_come_from_everdesk(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    await mails_after(service, mail_server, story, 1)
    mail = to_requester(mail_server, story)
    assert (sender_of(mail), f"Everdesk, ticket {story.number}." in text_of(mail)) == ("Everdesk", True)


@pytest.mark.usefixtures("alone")
async def test_a_hostile_name_adds_no_recipient_and_no_header(
    service: Running, mail_server: MailServer, settings: NotificationSettings, version: int
) -> None:
    name = 'Bank" <all@elsewhere.example>, "x\r\nBcc: all@elsewhere.example'
    await told(service, name, version)
    story = TicketEvents()
    await mails_after(service, mail_server, story, 1)
    mail = to_requester(mail_server, story)
    assert [one.addr_spec for one in mail["From"].addresses] == [settings.mail_address]
    assert mail["Bcc"] is None
    assert "<all@elsewhere" not in html_of(mail)


def test_a_name_that_the_settings_give_stays(settings: NotificationSettings) -> None:
    organisation = OrganisationName("")
    organisation.set("Harbour & Sons")
    own = settings.model_copy(update={"mail_from": "Help at Harbour <help@harbour.example>"})
    bare = settings.model_copy(update={"mail_from": "help@harbour.example"})
    named = [SenderName(one, organisation).text for one in (settings, own, bare)]
    assert named == ["Harbour & Sons", "Help at Harbour", "Harbour & Sons"]
    assert [SenderName(one).text for one in (settings, own, bare)] == ["Everdesk", "Help at Harbour", "Everdesk"]
