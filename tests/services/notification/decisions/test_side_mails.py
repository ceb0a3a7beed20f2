"""Mails to third parties beside a ticket: one thread of their own, and nothing in them that leads to the ticket."""

from email.message import EmailMessage
from functools import partial

import pytest

from services.notification.settings import NotificationSettings
from shared.contracts.base import MessageId
from shared.contracts.events import (
    Author,
    Envelope,
    NotificationFailed,
    RequesterErased,
    SideMessageReceived,
    SideMessageSent,
)
from shared.contracts.names import STREAM
from shared.contracts.vocabulary import ActorKind, BodyFormat
from shared.kit.auth import MailAudience, MailThreads
from shared.kit.clock import new_id, utc_now
from shared.kit.requester_ids import RequesterIds
from tests.services.notification.mail_server import MailServer, html_of, text_of
from tests.services.notification.running import Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.database_search import tables_naming
from tests.support.eventually import eventually


async def test_a_third_party_gets_a_thread_of_its_own_and_the_assignee_hears_of_the_answer(
    service: Running, mail_server: MailServer, settings: NotificationSettings
) -> None:
    story = TicketEvents(subject="The secret of the requester")
    await service.publish(*story.people(), story.submitted(), story.assigned())
    address, first_id, second_id = f"sam-{story.number}@supplier.example", MessageId(new_id()), MessageId(new_id())

    def sent(message_id: MessageId, **changes: object) -> SideMessageSent:
        values = {
            "ticket_id": story.ticket_id,
            "conversation_id": new_id(),
            "message_id": message_id,
            "author": Author(kind=ActorKind.AGENT, id=story.ada, name="Ada Lovelace"),
            "email": address,
            "subject": "The line in Berlin",
            "body": "Is it down, <b>Sam</b>?",
            "body_format": BodyFormat.TEXT,
            "sent_at": utc_now(),
        }
        return SideMessageSent.model_validate(values | changes)

    first, second = sent(first_id), sent(second_id, earlier=(first_id,), answers="<a1@supplier.example>")
    for event in (first, second):
        await service.publish(event.envelope(f"side-message:{event.message_id}", utc_now()))
    answered = SideMessageReceived(
        ticket_id=story.ticket_id,
        message_id=MessageId(new_id()),
        answered_id=first_id,
        author_name="Sam Supplier",
        body="Back at three.",
        body_format=BodyFormat.TEXT,
        received_at=utc_now(),
    )
    await service.publish(answered.envelope(f"side-message:{answered.message_id}", utc_now()))
    await eventually(lambda: len(mail_server.to(address)) >= 2, within=15)
    opening, later = mail_server.to(address)
    threads = MailThreads(settings, settings.mail_domain)
    own = threads.message_id(story.ticket_id, first_id, MailAudience.THIRD_PARTY, address)
    assert (opening["Message-ID"], opening["In-Reply-To"], opening["X-Everdesk-Ticket"]) == (own, None, None)
    assert (later["In-Reply-To"], later["References"].split()) == (
        "<a1@supplier.example>",
        [own, "<a1@supplier.example>"],
    )
    reference = threads.read_reference(own)
    assert reference is not None
    assert (reference.mail_id, threads.was_sent_to(reference, address.upper())) == (first_id, True)
    assert opening["From"].addresses[0].display_name.startswith("Ada Lovelace")
    assert "&lt;b&gt;Sam" in html_of(opening)
    whole = html_of(opening) + text_of(opening) + str(opening["Subject"])
    assert not any(one in whole for one in (story.subject, story.number, "/t/", "/tickets/"))

    def told() -> bool:
        return any("Back at three." in text_of(mail) for mail in mail_server.about(story.number))

    await eventually(told, within=15)
    assert not any("Back at three." in text_of(mail) for mail in mail_server.to(story.requester))


@pytest.mark.parametrize("who", ["nobody assigned", "the assignee is off"])
async def test_an_answer_that_nobody_is_there_for_goes_to_the_next_who_can_act(
    service: Running, mail_server: MailServer, who: str
) -> None:
    """As a message of the requester would."""
    story = TicketEvents()
    is_off = story.agent(story.ada, "Ada Lovelace", is_active=False, version=2)
    here = [story.released()] if who == "nobody assigned" else [is_off]
    answered = SideMessageReceived(
        ticket_id=story.ticket_id,
        message_id=MessageId(new_id()),
        answered_id=MessageId(new_id()),
        author_name="Sam Supplier",
        body="Back at three.",
        body_format=BodyFormat.TEXT,
        received_at=utc_now(),
    )
    await service.publish(*story.people(), story.submitted(), story.triaged(), story.assigned(), *here)
    await service.publish(answered.envelope(f"side-message:{answered.message_id}", utc_now()))
    grace = f"grace-{story.number}@everdesk.example"
    await eventually(lambda: any("Back at three." in text_of(mail) for mail in mail_server.to(grace)), within=15)


@pytest.mark.parametrize("who", ["its assignee", "the lead of its team"])
async def test_an_answer_beside_a_merged_ticket_is_told_to_whoever_has_the_other_one(
    service: Running, mail_server: MailServer, who: str
) -> None:
    """The ticket that was written about is closed, and its agent has nothing to do with it any more."""
    source, target = TicketEvents(), TicketEvents()
    answered = SideMessageReceived(
        ticket_id=source.ticket_id,
        message_id=MessageId(new_id()),
        answered_id=MessageId(new_id()),
        author_name="Sam Supplier",
        body="Back at three.",
        body_format=BodyFormat.TEXT,
        merged_into=target.ticket_id,
        received_at=utc_now(),
    )
    await service.publish(*source.people(), source.submitted(), source.triaged(), source.assigned(), source.closed())
    await service.publish(answered.envelope(f"side-message:{answered.message_id}", utc_now()))
    given = [target.assigned()] if who == "its assignee" else [target.released()]
    await service.publish(*target.people(), target.submitted(), target.triaged(), *given)
    name = "ada" if who == "its assignee" else "grace"

    async def is_told() -> None:
        (mail,) = [one for one in mail_server.to(f"{name}-{target.number}@everdesk.example") if _answers(one)]
        assert source.number in str(mail["Subject"]) + text_of(mail)

    await eventually(is_told, within=15)
    assert not any(_answers(one) for one in mail_server.to(f"ada-{source.number}@everdesk.example"))


def _answers(mail: EmailMessage) -> bool:
    return "Back at three." in text_of(mail)


async def test_a_mail_to_an_address_that_bounces_is_said_to_have_failed(
    service: Running, mail_server: MailServer
) -> None:
    """It is not sent at all; a ticket that waits on hold for the answer would wait for ever."""
    story = TicketEvents()
    address = f"sam-{story.number}@supplier.example"
    mail_server.refusals[address] = ["550 5.1.1 No such user"]
    js = await service.bus.jetstream()
    await service.publish(*story.people(), story.submitted(acknowledge=False))
    for _ in range(2):
        event = SideMessageSent(
            ticket_id=story.ticket_id,
            conversation_id=new_id(),
            message_id=MessageId(new_id()),
            author=Author(kind=ActorKind.AGENT, id=story.ada, name="Ada Lovelace"),
            email=address,
            subject="The line in Berlin",
            body="Is it down?",
            body_format=BodyFormat.TEXT,
            sent_at=utc_now(),
        )
        cause = f"side-message:{event.message_id}"
        await service.publish(event.envelope(cause, utc_now()))

        async def is_announced(cause: str = cause) -> str:
            message = await js.get_last_msg(STREAM, f"{NotificationFailed.type()}.{story.ticket_id}")
            failed = NotificationFailed.of(Envelope.model_validate_json(message.data or b""))
            assert failed.cause == cause
            return failed.reason

        reason = await eventually(is_announced, within=15)
    assert reason == "mail to the address bounces; an administrator can clear it"
    assert mail_server.to(address) == []


async def test_what_was_written_to_and_by_somebody_erased_goes(
    service: Running, mail_server: MailServer, settings: NotificationSettings
) -> None:
    """Whether their mail was sent or refused; and what the assignee was told of their answer."""
    story, other = TicketEvents(), f"kim-{new_id().hex}@supplier.example"
    address, words = f"sam-{story.number}@supplier.example", f"marker{new_id().hex}"
    await service.publish(*story.people(), story.submitted(), story.assigned())
    sent, kept, refused = (
        SideMessageSent(
            ticket_id=story.ticket_id,
            conversation_id=new_id(),
            message_id=MessageId(new_id()),
            author=Author(kind=ActorKind.AGENT, id=story.ada, name="Ada Lovelace"),
            email=to,
            subject="The line in Berlin",
            body="Is it down?" if to == other else words,
            body_format=BodyFormat.TEXT,
            sent_at=utc_now(),
        )
        for to in (address, other, address)
    )

    async def are_settled(count: int) -> None:
        rows = await service.ledger(ticket_id=str(story.ticket_id))
        settled = [row["status"] for row in rows if row["template"] == "side_message"]
        assert len(settled) == count
        assert set(settled) <= {"sent", "failed"}

    for number, event in enumerate((sent, kept, refused), 1):
        mail_server.refusals[address] = [f"550 5.1.1 <{address}> is unknown"] if event is refused else []
        await service.publish(event.envelope(f"side-message:{event.message_id}", utc_now()))
        await eventually(partial(are_settled, number), within=30)
    answered = SideMessageReceived(
        ticket_id=story.ticket_id,
        message_id=MessageId(new_id()),
        answered_id=sent.message_id,
        author_name="Sam",
        body=words,
        body_format=BodyFormat.TEXT,
        received_at=utc_now(),
    )
    await service.publish(answered.envelope(f"side-message:{answered.message_id}", utc_now()))
    await eventually(lambda: any(words in text_of(mail) for mail in mail_server.about(story.number)), within=15)
    ids = (refused.message_id, sent.message_id, answered.message_id)
    erased = RequesterErased(
        requester_id=RequesterIds(settings).of(address), ticket_ids=(), side_message_ids=ids, erased_at=utc_now()
    )
    await service.publish(erased.envelope(str(new_id()), utc_now()))

    async def is_gone() -> None:
        assert await tables_naming(service.database.engine, (address, words)) == {}

    await eventually(is_gone, within=15)
    assert other in str(await service.ledger(ticket_id=str(story.ticket_id))), "what somebody else was written stays"
