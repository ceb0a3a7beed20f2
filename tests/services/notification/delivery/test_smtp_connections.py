"""What becomes of a connection, and of the mails after, when one mail went wrong on it."""

import asyncio
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.notification.delivery import smtp
from services.notification.delivery.smtp import MailConnection
from services.notification.errors import MailConnectionLost, MailRefused, MailServerAway
from services.notification.settings import NotificationSettings
from shared.kit.clock import utc_now
from tests.services.notification.delivery.faulty_server import CUT, MUTE, TAKES, FaultyServer, serving
from tests.support.eventually import eventually

MAIL = b"Subject: Hello\r\n\r\nHello.\r\n"
ADDRESS = "ana@customer.example"
PLACES: list[tuple[str, dict[str, str]]] = [
    ("MAIL", {"MAIL": MUTE}),
    ("RCPT", {"RCPT": MUTE}),
    ("DATA", {"DATA": MUTE}),
    ("mail", {"mail": MUTE}),
    ("RSET", {"mail": "450 later", "RSET": MUTE}),
]


async def _send(connection: MailConnection, message: bytes = MAIL) -> str:
    async with asyncio.timeout(10):
        return await connection.send(connection.mail(message, ADDRESS))


def _has_heard(server: FaultyServer, what: str) -> bool:
    return any(line.startswith(what) for line in server.heard)


async def _mails_after_it_arrive_once(server: FaultyServer, connection: MailConnection) -> None:
    """Also when the server says then what it owed."""
    before = len(server.mails)
    server.answers |= TAKES
    server.late.set()
    assert [await _send(connection) for _ in range(3)] == ["kept"] * 3
    assert server.connections == 2
    assert len(server.mails) == before + 3


async def test_a_late_answer_answers_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """At no place; all of them are tried at once, as each waits until the server has been silent for long enough."""
    monkeypatch.setattr(smtp, "TIMEOUT", 0.5)

    async def after_silence_at(place: str, answers: dict[str, str], *, is_pipelining: bool) -> None:
        async with serving(answers, is_pipelining=is_pipelining) as (server, settings):
            connection = MailConnection(settings)
            with pytest.raises(MailRefused) as refused:
                await _send(connection)
            assert not refused.value.is_permanent
            assert refused.value.is_answer == (place == "RSET")
            await _mails_after_it_arrive_once(server, connection)
            await connection.close()

    async with asyncio.TaskGroup() as group:
        for place, answers in PLACES:
            for is_pipelining in (True, False):
                group.create_task(after_silence_at(place, answers, is_pipelining=is_pipelining))


@pytest.mark.parametrize("is_pipelining", [True, False])
@pytest.mark.parametrize(("place", "answers"), PLACES)
async def test_a_cancelled_mail_leaves_no_connection(place: str, answers: dict[str, str], is_pipelining: bool) -> None:
    """Though whoever cancelled it does not close the connection."""
    async with serving(answers, is_pipelining=is_pipelining) as (server, settings):
        connection = MailConnection(settings)
        sending = asyncio.create_task(_send(connection))
        await eventually(lambda: _has_heard(server, place))
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await _mails_after_it_arrive_once(server, connection)
        await connection.close()


@pytest.mark.parametrize("is_pipelining", [True, False])
@pytest.mark.parametrize("place", ["MAIL", "RCPT", "DATA", "mail"])
@pytest.mark.parametrize("answer", [CUT, f"250 yes{CUT}", "421 closing", f"421 closing{CUT}", f"421 closing{MUTE}"])
async def test_a_lost_connection_is_no_refusal(place: str, answer: str, is_pipelining: bool) -> None:
    """A server that has said 421 is waited for no longer."""
    answer = answer.replace("250", "354") if place == "DATA" else answer
    async with serving({place: answer}, is_pipelining=is_pipelining) as (server, settings):
        connection = MailConnection(settings)
        if place == "mail" and answer.startswith("250"):
            assert await _send(connection) == "yes"
        else:
            async with asyncio.timeout(5):
                with pytest.raises(MailConnectionLost):
                    await _send(connection)
        assert len(server.mails) == (place == "mail")  # and not once more, which is for others to decide
        server.answers |= TAKES

        async def sent_anew() -> None:
            assert await _send(connection) == "kept"

        await eventually(sent_anew)  # the end that follows an answer may be seen at the next mail
        assert server.connections == 2
        await connection.close()


@pytest.mark.parametrize("said", [b"421 idle for too long\r\n", b"250-half an", b"25"])
async def test_a_connection_out_of_step_is_left(said: bytes) -> None:
    """The rest of what the server says unasked would be taken for the answer to the next command."""
    async with serving({}) as (server, settings):
        connection = MailConnection(settings)
        await _send(connection)
        server.writers[0].write(said)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await reader.readline()  # which comes after it
        writer.close()
        assert await _send(connection) == "kept"
        assert server.connections == 3
        await connection.close()


async def test_an_answer_not_understood_gives_no_mail_up() -> None:
    async with serving({"mail": "Guru Meditation"}) as (_, settings):
        connection = MailConnection(settings)
        with pytest.raises(MailRefused) as refused:
            await _send(connection)
        assert not refused.value.is_permanent
        await connection.close()


async def test_a_recipient_refused_before_silence_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT", 0.5)
    async with serving({"RCPT": "550 nobody", "DATA": MUTE}) as (_, settings):
        connection = MailConnection(settings)
        with pytest.raises(MailRefused, match="550 nobody") as refused:
            await _send(connection)
        assert refused.value.is_permanent
        await connection.close()


async def test_answers_can_be_kept_whatever_they_hold() -> None:
    """PostgreSQL takes neither NUL nor what is no UTF-8; a mail whose answer it takes not would be sent again."""
    async with serving({"mail": "250 gr\xfc\xdfe\x00 von\x1b hier"}) as (_, settings):
        connection = MailConnection(settings)
        assert await _send(connection) == "gr\ufffd\ufffde  von  hier"
        await connection.close()


async def test_a_size_has_no_dots_of_the_way() -> None:
    async with serving({}) as (server, settings):
        connection = MailConnection(settings)
        await _send(connection, b"a\n.b\n..\n.")
        assert server.heard[0].endswith(" size=14")
        await connection.close()


LARGE = b"Subject: Large\r\n\r\n" + (b"x" * 70 + b"\r\n") * 300_000


async def test_a_large_mail_waits_for_a_slow_server() -> None:
    async with serving({}) as (server, settings):
        server.reads.clear()
        connection = MailConnection(settings)
        sending = asyncio.create_task(_send(connection, LARGE))
        await eventually(lambda: _has_heard(server, "DATA"))
        server.reads.set()
        assert await sending == "kept"
        assert server.mails == [LARGE + b".\r\n"]
        await connection.close()


async def test_of_a_mail_given_up_the_rest_does_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server would take it although it counts as not taken, and get it a second time."""
    monkeypatch.setattr(smtp, "TIMEOUT", 0.5)
    async with serving({}) as (server, settings):
        server.reads.clear()
        connection = MailConnection(settings)
        with pytest.raises(MailRefused):
            await _send(connection, LARGE)
        server.reads.set()

        def has_seen_the_end() -> None:
            assert all(task.done() for task in server.tasks)

        await eventually(has_seen_the_end)
        assert server.mails == []


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """What the server shows, and the file that a client believes."""
    key, now = ec.generate_private_key(ec.SECP256R1()), utc_now()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    shown, believed = folder / "server.pem", folder / "believed.pem"
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    believed.write_bytes(signed.public_bytes(encoding))
    shown.write_bytes(private + believed.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown)
    return context, believed


@pytest.mark.parametrize("is_pipelining", [True, False])
@pytest.mark.parametrize("kind", ["tls", "starttls"])
async def test_over_tls(kind: str, is_pipelining: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that says more than asked around the take-over; nothing of it answers a mail."""
    context, believed = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(believed))
    async with serving({}, is_pipelining=is_pipelining, tls=context, is_tls_from_start=kind == "tls") as (
        server,
        given,
    ):
        server.after_ehlo = "250 and by the way\r\n"
        settings: Any = given.model_copy(update={"smtp_tls": kind, "smtp_host": "localhost"})
        assert isinstance(settings, NotificationSettings)
        connection = MailConnection(settings)
        assert [await _send(connection, message) for message in (MAIL, LARGE, MAIL)] == ["kept"] * 3
        assert server.connections == 1
        assert server.mails == [message + b".\r\n" for message in (MAIL, LARGE, MAIL)]
        server.answers |= {"mail": CUT}
        with pytest.raises(MailConnectionLost):
            await _send(connection)
        server.answers |= TAKES
        assert await _send(connection) == "kept"
        await connection.close()


async def test_a_server_that_leaves_after_its_greeting_is_away() -> None:
    async with serving({}) as (server, settings):
        server.after_ehlo = CUT
        connection = MailConnection(settings)
        for _ in range(5):
            with pytest.raises(MailServerAway):
                await _send(connection)
