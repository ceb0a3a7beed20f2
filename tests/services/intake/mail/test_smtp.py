"""The listener: 250 means kept, and nothing else does."""

import asyncio
from pathlib import Path

import aiosmtplib
import pytest

from services.intake.attachments.object_store import ContentStore
from services.intake.mail.settings import MailSettings
from services.intake.mail.transports.raw_mail_store import RawMailStore
from services.intake.mail.transports.smtp import listen
from services.intake.models import RawMailState
from tests.kit.test_safe_client import certificate_for
from tests.services.intake.mail.post_office import SUPPORT, PostOffice, letter
from tests.support.eventually import eventually


async def test_a_mail_becomes_a_ticket(post: PostOffice) -> None:
    mail = letter("It burns.\n\nPlease come.\n", subject="The printer")
    assert "Kept" in await post.hand_in(mail)
    row = await post.settled(mail)
    assert (row.state, row.source, row.sender, row.recipients) == (
        RawMailState.DONE, "smtp", "dana@bank.example", [SUPPORT]
    )  # fmt: skip
    assert row.ticket_id is not None
    ticket = await post.ticket(row.ticket_id)
    assert (ticket.requester_email, ticket.requester_name) == ("dana@bank.example", "Dana Ruiz")
    assert (ticket.subject, ticket.channel.value, ticket.created_at) == ("The printer", "email", row.received_at)
    assert [message.body for message in await post.messages(ticket.id)] == ["It burns.\n\nPlease come."]


async def test_the_same_mail_twice_is_one_message(post: PostOffice) -> None:
    mail = letter()
    await asyncio.gather(*(post.hand_in(mail) for _ in range(5)))
    row = await post.settled(mail)
    assert "already" in await post.hand_in(b"Received: by another way\r\n" + mail.as_bytes())
    assert row.ticket_id is not None
    assert len(await post.messages(row.ticket_id)) == 1


async def test_another_mail_with_the_same_message_id_is_not_lost(post: PostOffice) -> None:
    first = letter("One.", message_id="<same@bank.example>")
    second = letter("Two.", message_id="<same@bank.example>", subject="Another")
    tickets = {(await post.deliver(mail)).ticket_id for mail in (first, second)}
    assert len(tickets) == 2
    assert None not in tickets


@pytest.mark.parametrize("recipient", ["nobody@everdesk.example", "support@elsewhere.example", "postmaster"])
async def test_we_take_mail_for_nobody_else(post: PostOffice, recipient: str) -> None:
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
        await post.hand_in(letter(), to=(recipient,))
    assert refused.value.recipients[0].code == 550


async def test_a_plus_address_names_the_topic(post: PostOffice) -> None:
    row = await post.deliver(letter(), to=("support+online-banking@everdesk.example",))
    assert row.ticket_id is not None
    topic_id = (await post.ticket(row.ticket_id)).topic_id
    assert topic_id is not None
    assert await post.intake.app.state.app_state.topics.slug_of(topic_id) == "online-banking"


async def test_a_mail_from_nobody_is_taken(post: PostOffice) -> None:
    mail = letter(subject="Undelivered Mail Returned to Sender", **{"from": "MAILER-DAEMON@mx.example"})
    row = await post.deliver(mail, sender="")
    assert (row.state, row.outcome) == (RawMailState.IGNORED, "a bounce of a mail we do not know")


async def test_a_mail_that_is_too_large_is_refused(post: PostOffice) -> None:
    too_large = post.settings.mail_max_bytes + 1
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=post.port, start_tls=False) as client:
        await client.ehlo()
        refused = await client.execute_command(b"MAIL", b"FROM:<a@b.example>", b"SIZE=%d" % too_large)
    assert refused.code == 552


async def test_a_line_without_an_end_is_cut_off(post: PostOffice) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", post.port)
    for command in ("", "EHLO x", "MAIL FROM:<a@b.example>", f"RCPT TO:<{SUPPORT}>", "DATA"):
        if command:
            writer.write(f"{command}\r\n".encode())
        assert (await reader.read(1000))[:1] in b"235"
    with pytest.raises(ConnectionError):
        for _ in range(200):
            writer.write(b"x" * 1024 * 1024)
            await writer.drain()
    writer.close()


async def test_one_address_has_so_many_connections(post: PostOffice) -> None:
    most = post.settings.mail_connections_per_address
    lines = [await asyncio.open_connection("127.0.0.1", post.port) for _ in range(most + 1)]
    greetings = [(await reader.read(1000))[:3] for reader, _ in lines]
    for _, writer in lines:
        writer.close()
    assert greetings == [b"220"] * most + [b"421"]
    assert "Kept" in await post.hand_in(letter())


async def test_where_there_is_a_certificate_the_line_can_be_encrypted(post: PostOffice, tmp_path: Path) -> None:
    certificate_for("mx.everdesk.example", tmp_path)
    pem = tmp_path / "server.pem"
    given = {"mail_tls_certificate": pem, "mail_tls_key": pem, "mail_in_port": 0, "mail_connections_per_address": 1}
    settings = MailSettings(**(post.settings.model_dump() | given))
    reception = RawMailStore(post.intake.database, ContentStore.connect(settings))
    server = await listen(settings, reception, post.admission.bans)
    port, mail = server.sockets[0].getsockname()[1], letter()

    async def encrypted() -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=True, validate_certs=False)
        async with client:
            assert client.get_transport_info("cipher") is not None
            await client.sendmail("dana@bank.example", [SUPPORT], mail.as_bytes())

    for _ in range(2):
        await eventually(encrypted)
    server.close()
    assert (await post.settled(mail)).state is RawMailState.DONE
