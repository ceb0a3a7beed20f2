"""Mails in the language of whoever gets them."""

from shared.contracts.events import Person
from shared.contracts.names import REPLY_DELIMITERS
from tests.services.notification.mail_server import MailServer, html_of, text_of
from tests.services.notification.running import Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually


async def test_the_requester_reads_german_and_the_agent_what_the_installation_speaks(
    service: Running, mail_server: MailServer
) -> None:
    story = TicketEvents()
    requester = Person(email=story.requester, name="Rüdiger <b>", language="de-AT")
    await service.publish(*story.people(), story.submitted(requester=requester), story.assigned(), story.reminded())
    await eventually(lambda: len(mail_server.about(story.number)) >= 3, within=15)
    mails = mail_server.about(story.number)
    theirs = [mail for mail in mails if story.requester in mail["To"]]
    assert {mail["Content-Language"] for mail in theirs} == {"de"}
    received = next(mail for mail in theirs if "Ihre Anfrage ist unter der Nummer" in html_of(mail))
    assert '<html lang="de" dir="ltr"' in html_of(received)
    assert "Rüdiger &lt;b&gt;" in html_of(received)
    assert "Guten Tag Rüdiger <b>," in text_of(received)
    assert REPLY_DELIMITERS["de"] in text_of(received)
    assert "Sie können einfach auf diese E-Mail antworten." in text_of(received)
    ours = next(mail for mail in mails if mail not in theirs)
    assert (ours["Content-Language"], "Assigned to you" in ours["Subject"]) == ("en", True)


async def test_an_agent_reads_the_language_they_chose(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    ada = story.agent(story.ada, "Ada Lovelace", language="de-AT", version=2)
    await service.publish(*story.people(), ada, story.submitted(), story.assigned())
    await eventually(lambda: len(mail_server.about(story.number)) >= 2, within=15)
    ours = next(mail for mail in mail_server.about(story.number) if story.requester not in mail["To"])
    assert (ours["Content-Language"], "Ihnen zugewiesen" in ours["Subject"]) == ("de", True)


async def test_a_ticket_without_a_language_takes_the_one_of_an_earlier_ticket(
    service: Running, mail_server: MailServer
) -> None:
    first, later = TicketEvents(), TicketEvents()
    address = first.requester
    await service.publish(first.submitted(requester=Person(email=address, name="Ida", language="de")))
    await eventually(lambda: mail_server.about(first.number))
    await service.publish(later.submitted(requester=Person(email=address.upper(), name="Ida")))
    await eventually(lambda: mail_server.about(later.number))
    assert mail_server.about(later.number)[0]["Content-Language"] == "de"


async def test_a_language_that_is_not_offered_is_the_default(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    await service.publish(story.submitted(requester=Person(email=story.requester, name="Zoé", language="fr")))
    await eventually(lambda: mail_server.about(story.number))
    assert mail_server.about(story.number)[0]["Content-Language"] == "en"
