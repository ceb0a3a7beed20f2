"""Whole mails by the old address: kept, then answered with their ticket, once however often they are sent."""

from email.message import EmailMessage

import pytest
from sqlalchemy import select

from services.intake.abuse.bans import lift_ban, put_ban
from services.intake.models import Message, Ticket
from shared.contracts.vocabulary import Channel
from shared.kit.clock import new_id
from tests.services.intake.osticket.old_client import OldClient


def letter(subject: str = "Online banking system down", text: str = "Log-in answers 502.", **headers: str) -> bytes:
    """A mail of Dana's."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Dana Ruiz <dana@bank.example>", "support@everdesk.example", subject
    mail["Message-ID"] = f"<{new_id()}@bank.example>"
    for name, value in headers.items():
        del mail[name.replace("_", "-")]
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


async def messages(old: OldClient, number: str) -> list[Message]:
    """The messages of a ticket."""
    async with old.intake.database.begin() as session:
        query = select(Message).join(Ticket).where(Ticket.number == number).order_by(Message.received_at)
        return list(await session.scalars(query))


@pytest.mark.parametrize("path", ["/api/tickets.email", "/api/http.php/tickets.email"])
async def test_a_mail_becomes_a_ticket(old: OldClient, path: str) -> None:
    answer = await old.send(path, letter(), Content_Type="text/plain")
    made = await old.made(answer)
    assert (made.ticket.channel, made.ticket.requester_email) == (Channel.EMAIL, "dana@bank.example")
    assert made.message.body == "Log-in answers 502."


async def test_a_mail_sent_twice_is_one_ticket(old: OldClient) -> None:
    sent = letter()
    answers = [await old.send("/api/tickets.email", sent) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].text == answers[1].text
    assert len(await messages(old, answers[0].text)) == 1


async def test_an_answer_is_a_message_on_its_ticket(old: OldClient) -> None:
    number = (await old.send("/api/tickets.email", letter())).text
    answer = await old.send("/api/tickets.email", letter(f"Re: [#{number}] down", "It still does."))
    assert (answer.status_code, answer.text) == (201, number)
    assert [message.body for message in await messages(old, number)] == ["Log-in answers 502.", "It still does."]


async def test_what_is_no_mail_makes_a_ticket_nevertheless(old: OldClient) -> None:
    answer = await old.send("/api/tickets.email", b"\xff\xfe not a mail at all")
    assert answer.status_code == 201
    assert answer.text.isdigit()


async def test_nothing_is_not_a_mail(old: OldClient) -> None:
    assert (await old.send("/api/tickets.email", b" \r\n")).status_code == 400


async def test_a_loop_has_no_effect_and_is_not_sent_again(old: OldClient) -> None:
    before = await old.intake.count("tickets")
    answer = await old.send("/api/tickets.email", letter(**{"X-Everdesk-Ticket": "100001"}))
    assert (answer.status_code, answer.text) == (201, "ignored")
    assert await old.intake.count("tickets") == before


async def test_a_banned_sender_is_denied(old: OldClient) -> None:
    async with old.intake.database.begin() as session:
        await put_ban(session, "@junk.example", "Only spam", None)
    old.intake.app.state.app_state.mail_pipe._bans.forget()
    answer = await old.send("/api/tickets.email", letter(From="eve@junk.example"))
    assert (answer.status_code, answer.text) == (403, "Ticket Denied")
    async with old.intake.database.begin() as session:
        await lift_ban(session, "@junk.example")


async def test_a_mail_needs_a_key(old: OldClient) -> None:
    answer = await old.send("/api/tickets.email", letter(), X_API_Key="")
    assert answer.status_code == 401
