"""What people chose to get, and mails that came back: both decide what is sent next."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Literal

import pytest
from nats.js.errors import NotFoundError

from services.notification.delivery.queue import without_address
from services.notification.return_tokens import note_switch
from services.notification.settings import NotificationSettings
from shared.contracts.base import MessageId
from shared.contracts.events import (
    Author,
    Envelope,
    MailBounced,
    MailPreferencesChanged,
    NotificationFailed,
    SideMessageReceived,
    SideMessageSent,
)
from shared.contracts.names import STREAM
from shared.contracts.vocabulary import ActorKind, BodyFormat
from shared.kit.clock import new_id, utc_now
from shared.kit.mail_preferences import PreferenceLinks, recipient_key
from shared.kit.return_paths import ReturnPaths
from tests.services.notification.mail_server import MailServer, text_of
from tests.services.notification.running import OPERATOR, Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually


async def rows(service: Running, story: TicketEvents, *statuses: str) -> dict[str, dict[str, Any]]:
    """The ticket's rows by template, once there are as many with these statuses."""

    async def settled() -> list[dict[str, Any]]:
        found = await service.ledger(ticket_id=str(story.ticket_id), limit=200)
        assert sorted(one["status"] for one in found) == sorted(statuses), found
        return found

    return {one["template"]: one for one in await eventually(settled, within=15)}


async def test_a_choice_stops_reminders_and_never_replies(
    service: Running, mail_server: MailServer, settings: NotificationSettings
) -> None:
    story = TicketEvents()
    await service.publish(*story.people(), story.submitted(), story.reminded())
    found = await rows(service, story, "sent", "sent")
    mail = next(one for one in mail_server.to(story.requester) if one["Message-ID"] == found["reminder"]["message_id"])
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = mail["List-Unsubscribe"].strip("<> ")
    link = PreferenceLinks(settings).read(url.rpartition("/")[2])
    assert link is not None
    assert (link.email, link.ticket_id, link.is_copy) == (story.requester, story.ticket_id, False)
    assert url in text_of(mail)

    async def choose(wanted: Literal["all", "replies", "none"]) -> None:
        key = recipient_key(story.requester)
        at = utc_now()
        chosen = MailPreferencesChanged(ticket_id=story.ticket_id, address_key=key, wanted=wanted, changed_at=at)
        await service.publish(chosen.envelope(str(new_id()), at))

    await choose("replies")
    await service.publish(story.reminded(seq=7), story.message(ActorKind.AGENT))
    await rows(service, story, "sent", "sent", "sent", "dropped")
    assert mail_server.to(story.requester)[-1]["List-Unsubscribe"] is None
    await choose("none")
    await service.publish(story.message(ActorKind.AGENT))
    await rows(service, story, "sent", "sent", "sent", "dropped", "dropped")


async def test_a_mail_that_came_back_stops_the_next_until_somebody_clears_it(service: Running) -> None:
    story = TicketEvents()
    await service.publish(*story.people(), story.submitted())
    (sent,) = (await rows(service, story, "sent")).values()

    async def bounce(*, is_permanent: bool, after: timedelta = timedelta()) -> None:
        at = utc_now() + after
        event = MailBounced(
            ticket_id=story.ticket_id,
            message_id=sent["message_id"].upper(),
            status="5.1.1" if is_permanent else "5.2.2",
            is_permanent=is_permanent,
            reason="550 no such user",
            bounced_at=at,
        )
        await service.publish(event.envelope(str(new_id()), at))

    async def row(said: str, *, is_bouncing: bool) -> None:
        (found,) = [one for one in await service.ledger(ticket_id=str(story.ticket_id)) if one["id"] == sent["id"]]
        assert (found["last_error"], found["is_bouncing"], found["status"]) == (said, is_bouncing, "sent")

    await bounce(is_permanent=False)
    await eventually(lambda: row("came back: 550 no such user", is_bouncing=False), within=15)
    await bounce(is_permanent=True, after=timedelta(days=8))
    await service.publish(story.message(ActorKind.AGENT))
    first = await rows(service, story, "sent", "sent")
    assert first["acknowledgement"]["is_bouncing"] is False, "a report that comes later than any mail server's"
    await bounce(is_permanent=True)
    await eventually(lambda: row("came back: 550 no such user", is_bouncing=True), within=15)
    await service.publish(story.message(ActorKind.AGENT))
    await rows(service, story, "sent", "sent", "dropped")
    clear = f"/v1/deliveries/{sent['id']}/clear-bounce"
    assert (await service.http.post(clear)).status_code == 401
    other = await service.http.post(clear, params={"ticket_id": str(new_id())}, headers=OPERATOR)
    assert other.status_code == 404
    assert (await service.http.post(clear, headers=OPERATOR)).json()["is_bouncing"] is False
    await service.publish(story.message(ActorKind.AGENT))
    await rows(service, story, "sent", "sent", "dropped", "sent")


@pytest.fixture
async def with_tokens(service: Running, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NotificationSettings]:
    """The service as it is after its restart with `EVERDESK_MAIL_RETURN_TOKENS=true`."""
    settings: NotificationSettings = service.app.state.app_state.settings
    sender = service.app.state.app_state.wake_sender.__self__
    monkeypatch.setattr(sender, "_return_paths", ReturnPaths(settings))
    yield settings
    async with service.database.begin() as session:
        await note_switch(session, is_on=False)


async def test_once_mails_have_envelope_senders_of_their_own_no_other_report_marks_an_address(
    service: Running, mail_server: MailServer, with_tokens: NotificationSettings
) -> None:
    """Who knows a Message-ID may write a report; of mails sent before the switch it counts, as it did."""
    before, story = TicketEvents(), TicketEvents()
    await service.publish(*before.people(), before.submitted())
    (old,) = (await rows(service, before, "sent")).values()
    for _ in range(2):
        async with service.database.begin() as session:
            await note_switch(session, is_on=True)
    await service.publish(*story.people(), story.submitted())
    (sent,) = (await rows(service, story, "sent")).values()
    own = ReturnPaths(with_tokens).sender_of(sent["message_id"])
    assert mail_server.senders[sent["message_id"]] == own != with_tokens.mail_address

    async def bounce(one: TicketEvents, message_id: str, *, is_proved: bool) -> None:
        at = utc_now()
        event = MailBounced(
            ticket_id=one.ticket_id,
            message_id=message_id,
            status="5.1.1",
            is_permanent=True,
            reason="550 no such user",
            is_proved=is_proved,
            bounced_at=at,
        )
        await service.publish(event.envelope(str(new_id()), at))

    async def shows(one: TicketEvents, said: str, *, is_bouncing: bool) -> None:
        (found,) = await service.ledger(ticket_id=str(one.ticket_id))
        assert (found["last_error"], found["is_bouncing"], found["status"]) == (said, is_bouncing, "sent")

    claimed, proved = "an unproved report says that it came back: 550 no such user", "came back: 550 no such user"
    await bounce(story, sent["message_id"], is_proved=False)
    await bounce(before, old["message_id"], is_proved=False)
    await eventually(lambda: shows(before, proved, is_bouncing=True), within=15)
    await shows(story, claimed, is_bouncing=False)
    await bounce(story, sent["message_id"], is_proved=True)
    await eventually(lambda: shows(story, proved, is_bouncing=True), within=15)
    await bounce(story, sent["message_id"], is_proved=False)
    await bounce(before, old["message_id"], is_proved=True)
    await service.publish(before.message(ActorKind.AGENT))
    await rows(service, before, "sent", "dropped")
    await shows(story, proved, is_bouncing=True)


async def sent_beside(service: Running, story: TicketEvents) -> SideMessageSent:
    """A mail of Ada's to a third party, once it is sent."""
    event = SideMessageSent(
        ticket_id=story.ticket_id,
        conversation_id=new_id(),
        message_id=MessageId(new_id()),
        author=Author(kind=ActorKind.AGENT, id=story.ada, name="Ada Lovelace"),
        email=f"sam-{story.number}@supplier.example",
        subject="The line in Berlin",
        body="Is it down?",
        body_format=BodyFormat.TEXT,
        sent_at=utc_now(),
    )
    await service.publish(*story.people(), story.submitted(acknowledge=False))
    await service.publish(event.envelope(f"side-message:{event.message_id}", utc_now()))
    await rows(service, story, "sent")
    return event


async def reported(service: Running, mail: SideMessageSent, *, is_proved: bool | None, after: int = 0) -> None:
    """A mail server says, after so many days, that the mail did not arrive."""
    at = utc_now() + timedelta(days=after)
    event = SideMessageReceived(
        ticket_id=mail.ticket_id,
        message_id=MessageId(new_id()),
        answered_id=mail.message_id,
        body="",
        body_format=BodyFormat.TEXT,
        is_bounce=True,
        is_automatic=True,
        is_proved=is_proved,
        received_at=at,
    )
    await service.publish(event.envelope(f"side-message:{event.message_id}", at))


async def failures(service: Running, mail: SideMessageSent) -> list[str]:
    """What the ticket's conversation is told of the mail: the causes of all failures."""
    js = await service.bus.jetstream()
    subject = f"{NotificationFailed.type()}.{mail.ticket_id}"
    try:
        message = await js.get_last_msg(STREAM, subject)
    except NotFoundError:
        return []
    return [NotificationFailed.of(Envelope.model_validate_json(message.data or b"")).cause]


async def test_a_report_about_a_mail_to_a_third_party_counts_as_those_about_other_mails_do(
    service: Running, with_tokens: NotificationSettings
) -> None:
    """Without proof it is shown as what it is, and says nothing to the conversation; before the switch it counted."""
    before, late = await sent_beside(service, TicketEvents()), await sent_beside(service, TicketEvents())
    async with service.database.begin() as session:
        await note_switch(session, is_on=True)
    forged, own = await sent_beside(service, TicketEvents()), await sent_beside(service, TicketEvents())
    await reported(service, forged, is_proved=False)
    await reported(service, late, is_proved=False, after=8)
    await reported(service, own, is_proved=False)
    await reported(service, own, is_proved=True)
    await reported(service, before, is_proved=False)

    async def shows(mail: SideMessageSent, said: str) -> None:
        (found,) = await service.ledger(ticket_id=str(mail.ticket_id))
        assert (found["status"], (found["last_error"] or "").partition(":")[0]) == ("sent", said)

    await eventually(lambda: shows(before, "came back"), within=15)
    await eventually(lambda: failures(service, before), within=15)
    assert await failures(service, before) == [f"side-message:{before.message_id}"]
    await shows(forged, "an unproved report says that it came back")
    await shows(late, "an unproved report says that it came back")
    await shows(own, "came back")
    assert [await failures(service, mail) for mail in (forged, late, own)] == [[], [], []]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("550 5.1.1 <IDA@Bank.Example>: unknown", "550 5.1.1 <the recipient>: unknown"),
        ("550 ida@bank.example, Ida@bank.example", "550 the recipient, the recipient"),
        ("550 idaXbank.example", "550 idaXbank.example"),
    ],
)
def test_what_a_server_says_is_kept_without_the_address_in_any_spelling(said: str, kept: str) -> None:
    assert without_address(said, "ida@bank.example") == kept
