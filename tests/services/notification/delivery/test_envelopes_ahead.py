"""The envelope of the next mail goes with the content of the one before: whatever the server says, to each its own."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from services.notification.delivery import smtp
from services.notification.delivery.smtp import MailConnection
from services.notification.delivery.smtp_dialogue import OutgoingMail
from services.notification.errors import MailConnectionLost, MailRefused, MailWithheld
from tests.services.notification.delivery.faulty_server import CUT, MUTE, FaultyServer, serving

ADDRESS = "ana@customer.example"
Outcome = tuple[str, str]


def _mails(connection: MailConnection, count: int) -> list[OutgoingMail]:
    return [
        connection.mail(f"Subject: {number}\r\n\r\n.words\r\n".encode(), ADDRESS, _sender(number))
        for number in range(count)
    ]


def _sender(number: int) -> str:
    return f"{number}@everdesk.example"


async def _sent(connection: MailConnection, mails: Sequence[OutgoingMail], *, is_ahead: bool = True) -> list[Outcome]:
    """What became of each, sent one after the other."""
    outcomes = []
    for number, mail in enumerate(mails):
        following = mails[number + 1] if is_ahead and number + 1 < len(mails) else None
        async with asyncio.timeout(10):
            try:
                outcomes.append(("taken", await connection.send(mail, None, following)))
            except MailConnectionLost as lost:
                outcomes.append(("lost", str(lost).partition(":")[0]))
            except MailRefused as refusal:
                outcomes.append(("refused", refusal.reason))
    return outcomes


def _copies(server: FaultyServer) -> Counter[str]:
    """How often the server got the content of which mail."""
    return Counter(mail.partition(b"\r\n")[0].decode() for mail in server.mails)


async def test_content_and_the_next_envelope_are_one_piece() -> None:
    async with serving({}) as (server, settings):
        server.waits_for_next = True
        connection = MailConnection(settings)
        first, second, _ = mails = _mails(connection, 3)
        assert await connection.send(first, None, second) == "kept"
        server.waits_for_next = False
        assert await _sent(connection, mails[1:]) == [("taken", "kept")] * 2
        assert [line[:4] for line in server.heard] == ["MAIL", "RCPT", "DATA", "mail"] * 3
        assert server.mails[0] == b"Subject: 0\r\n\r\n..words\r\n.\r\n"
        assert server.connections == 1
        await connection.close()


async def test_a_server_that_takes_one_command_at_a_time_is_told_nothing_ahead() -> None:
    async with serving({}, is_pipelining=False) as (server, settings):
        connection = MailConnection(settings)
        first, second = _mails(connection, 2)
        await connection.send(first, None, second)
        assert [line[:4] for line in server.heard] == ["MAIL", "RCPT", "DATA", "mail"]
        assert await connection.send(second) == "kept"
        await connection.close()


async def test_a_refused_content_leaves_the_next_envelope_standing() -> None:
    async with serving({}) as (server, settings):
        server.by_sender = {_sender(0): {"mail": "554 spam"}}
        connection = MailConnection(settings)
        assert await _sent(connection, _mails(connection, 3)) == [("refused", "554 spam"), *[("taken", "kept")] * 2]
        assert "RSET" not in server.heard
        assert server.connections == 1
        await connection.close()


async def test_a_refused_envelope_is_told_of_its_own_mail() -> None:
    async with serving({}) as (server, settings):
        server.by_sender = {_sender(1): {"RCPT": "550 nobody", "DATA": "503 first the recipient"}}
        connection = MailConnection(settings)
        outcomes = await _sent(connection, _mails(connection, 3))
        assert outcomes == [("taken", "kept"), ("refused", "550 nobody"), ("taken", "kept")]
        assert server.connections == 1
        await connection.close()


@pytest.mark.parametrize("end", [f"250 kept{CUT}", "421 closing", f"421 closing{CUT}"])
async def test_a_mail_is_not_blamed_for_a_connection_that_ends_before_it(end: str) -> None:
    """Many servers take only so many mails over one connection."""
    async with serving({}) as (server, settings):
        server.by_sender = {_sender(0): {"mail": end}}
        connection = MailConnection(settings)
        first, *rest = await _sent(connection, _mails(connection, 3))
        assert first[0] == ("taken" if end.startswith("250") else "lost")
        assert rest == [("taken", "kept")] * 2
        assert _copies(server) == Counter({f"Subject: {number}": 1 for number in range(3)})
        assert server.connections == 2
        await connection.close()


async def test_an_end_instead_of_the_answers_to_the_next_envelope_blames_nobody() -> None:
    async with serving({}) as (server, settings):
        server.by_sender = {_sender(1): {"MAIL": "421 enough for one connection"}}
        connection = MailConnection(settings)
        first, second = _mails(connection, 2)
        assert await connection.send(first, None, second) == "kept"
        server.by_sender = {}
        assert await connection.send(second) == "kept"
        assert _copies(server) == Counter({"Subject: 0": 1, "Subject: 1": 1})
        await connection.close()


async def test_another_mail_than_the_one_announced_goes_over_another_connection() -> None:
    """The server would take it for the one announced, and send it to that one's recipient."""
    async with serving({}) as (server, settings):
        connection = MailConnection(settings)
        first, announced, other = _mails(connection, 3)
        await connection.send(first, None, announced)
        assert await connection.send(other) == "kept"
        assert server.connections == 2
        assert _copies(server) == Counter({"Subject: 0": 1, "Subject: 2": 1})
        await connection.close()


class Withholds:
    """Lets no content follow."""

    async def may_follow(self) -> bool:
        return False


async def test_an_announced_mail_that_is_withheld_is_not_taken() -> None:
    async with serving({}) as (server, settings):
        connection = MailConnection(settings)
        first, second = _mails(connection, 2)
        await connection.send(first, None, second)
        with pytest.raises(MailWithheld):
            await connection.send(second, Withholds())
        assert _copies(server) == Counter({"Subject: 0": 1})
        assert await connection.send(second) == "kept"
        assert server.connections == 2
        await connection.close()


async def test_a_server_that_is_silent_after_an_announced_envelope_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT", 0.3)
    async with serving({}) as (server, settings):
        server.by_sender = {_sender(1): {"RCPT": MUTE}}
        connection = MailConnection(settings)
        outcomes = await _sent(connection, _mails(connection, 3))
        assert [kind for kind, _ in outcomes] == ["taken", "refused", "taken"]
        server.late.set()
        assert _copies(server) == Counter({"Subject: 0": 1, "Subject: 2": 1})
        await connection.close()


SAID = ("250 yes", "421 no", "450 no", "550-a\r\n550 no", "503 no", "354 go on", CUT, f"250 yes{CUT}", f"421 no{CUT}")


@pytest.mark.parametrize("is_in_pieces", [False, True])
async def test_nothing_but_time_depends_on_what_is_said_ahead(is_in_pieces: bool) -> None:
    """Answers drawn at random for each of several mails; the same becomes of each, and no content is sent twice."""
    draw, differences = random.Random(11), []

    async def run(answers: dict[str, dict[str, str]], *, is_ahead: bool) -> tuple[list[Outcome], Counter[str]]:
        async with serving({}, is_in_pieces=is_in_pieces) as (server, settings):
            server.by_sender = answers
            connection = MailConnection(settings)
            outcomes = await _sent(connection, _mails(connection, 6), is_ahead=is_ahead)
            await connection.close()
            return outcomes, _copies(server)

    for _ in range(60):
        answers = {_sender(number): _drawn(draw) for number in range(6) if draw.random() < 0.6}
        ahead, alone = await run(answers, is_ahead=True), await run(answers, is_ahead=False)
        if ahead != alone:
            differences.append((answers, ahead, alone))
    assert not differences, "\n".join(map(str, differences[:5]))


def _drawn(draw: random.Random) -> dict[str, str]:
    position = draw.choice(("MAIL", "RCPT", "DATA", "mail"))
    refused_before = {"RCPT": "503 first the sender", "DATA": "503 first the rest"}
    said = [one for one in SAID if position != "mail" or one != f"250 yes{CUT}"]  # when that end is seen is chance
    answers = {position: draw.choice(said)}
    return (
        refused_before | answers if position in ("MAIL", "RCPT") and not answers[position].startswith("25") else answers
    )
