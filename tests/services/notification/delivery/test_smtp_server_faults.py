"""Whatever an SMTP server does, our dialogue says of a mail what aiosmtplib says of it."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from aiosmtplib import SMTPRecipientsRefused, SMTPResponseException

from services.notification.delivery import smtp
from services.notification.delivery.smtp import connect, is_lost
from services.notification.delivery.smtp_dialogue import OutgoingMail, SmtpDialogue
from services.notification.settings import NotificationSettings
from tests.services.notification.delivery.faulty_server import CUT, MUTE, FaultyServer, serving

MAIL = b"Subject: Hello\r\n\r\nHello.\r\n"
SENDER, ADDRESS = "desk@everdesk.example", "ana@customer.example"


async def _ours(settings: NotificationSettings, message: bytes, sender: str, address: str) -> str:
    dialogue = SmtpDialogue(await connect(settings), smtp.TIMEOUT)
    try:
        mail = OutgoingMail(message, address, sender)
        await dialogue.say_envelope(mail)
        return await dialogue.send_content(mail)
    finally:
        dialogue.close()


async def _theirs(settings: NotificationSettings, message: bytes, sender: str, address: str) -> str:
    client = await connect(settings)
    try:
        return (await client.sendmail(sender, [address], message))[1]
    finally:
        client.close()


async def _outcome(
    send: Callable[..., Awaitable[str]], settings: NotificationSettings, message: bytes, sender: str, address: str
) -> tuple[object, ...]:
    """The answer; or the class of the error, its code, whether the connection is lost, and what the sender does."""
    try:
        async with asyncio.timeout(10):
            taken = await send(settings, message, sender, address)
            return ("taken", taken.encode("utf-8", "replace").decode().replace("\ufffd", "?"))
    except SMTPRecipientsRefused as error:
        return (type(error), error.recipients[0].code, is_lost(error))
    except SMTPResponseException as error:
        refusal = smtp.refusal_of(error)
        return (type(error), error.code, is_lost(error), refusal.is_permanent)
    except (OSError, ValueError) as error:
        return (type(error), is_lost(error))


async def _both(
    answers: dict[str, str],
    *,
    is_pipelining: bool = True,
    is_in_pieces: bool = False,
    message: bytes = MAIL,
    sender: str = SENDER,
    address: str = ADDRESS,
) -> tuple[tuple[object, ...], tuple[object, ...], FaultyServer, FaultyServer]:
    async def asked(send: Callable[..., Awaitable[str]]) -> tuple[tuple[object, ...], FaultyServer]:
        async with serving(answers, is_pipelining=is_pipelining, is_in_pieces=is_in_pieces) as (server, settings):
            return await _outcome(send, settings, message, sender, address), server

    (ours, first), (theirs, second) = await asyncio.gather(asked(_ours), asked(_theirs))
    return ours, theirs, first, second


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "TIMEOUT", 1.0)


POSITIONS = ("MAIL", "RCPT", "DATA", "mail")
FAULTS = [
    *("200 what", "251 forwarded", "252 perhaps", "299 new", "334 go on", "199 one", "999 nine", "000 none"),
    *("421 closing", f"421 closing{CUT}", "450 later", "451 later", "452 full", "454 tls"),
    *("500 what", "501 what", "503 order", "530 sign in", "535 who", "550 nobody", "552 too much", "554 spam"),
    *(CUT, f"250 yes{CUT}", f"550 no{CUT}", f"450 later{CUT}", f"25{CUT}", f"250-half{CUT}"),
    *("25", "2", "what?", "2x0 what", "250", "250-a\r\n250-b\r\n250 c", "550-a\r\n550-b\r\n550", "250-a\r\n550 b"),
    *("250-a\r\nwhat?\r\n250 c", "250\tyes", "2500 yes", "250 f\xfcr dich", "550 f\xfcr\x00 dich", "354 go"),
    *("250 " + "x" * 8000, "250-" + "x" * 40_000 + "\r\n250 y", "550-x\r\n" * 20 + "550 y"),
]
AT_ONCE = 4
"""Faults that are tried beside each other."""


async def _difference(fault: str, position: str, *, is_pipelining: bool) -> str:
    """What is said of a mail at which the server does that, if it is not the same."""
    answers = {position: fault}
    if is_pipelining and position in ("MAIL", "RCPT") and not fault.startswith("25"):
        answers = {"RCPT": "503 first the sender", "DATA": "503 first the rest"} | answers
    ours, theirs, *_ = await _both(answers, is_pipelining=is_pipelining)
    return "" if ours == theirs else f"{fault[:40]} at {position}, {is_pipelining=}: {ours}, {theirs}"


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("is_pipelining", [True, False])
async def test_each_fault_at_each_position(position: str, is_pipelining: bool) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def compare(fault: str) -> str:
        async with places:
            return await _difference(fault, position, is_pipelining=is_pipelining)

    differences = [one for one in await asyncio.gather(*map(compare, FAULTS)) if one]
    assert not differences, "\n".join(differences)


async def test_silence_at_each_position() -> None:
    """All at once, as each waits until the server has been silent for long enough."""
    silences = [
        _difference(MUTE, position, is_pipelining=is_pipelining)
        for position in POSITIONS
        for is_pipelining in (True, False)
    ]
    differences = [one for one in await asyncio.gather(*silences) if one]
    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("is_pipelining", [True, False])
@pytest.mark.parametrize("is_in_pieces", [True, False])
async def test_answers_drawn_at_random(is_pipelining: bool, is_in_pieces: bool) -> None:
    """Also a server that refuses and says `354` all the same."""
    draw = random.Random(7)
    some = ("250 yes", "421 no", "450 no", "550-a\r\n550 no", "503 no", "354 go on")
    differences = []
    for _ in range(80):
        answers = {command: draw.choice(some) for command in ("MAIL", "RCPT", "DATA", "RSET", "mail")}
        if draw.random() < 0.6:
            answers |= {"MAIL": "250-yes\r\n250 yes", "RCPT": draw.choice(("251 yes", "550 no", "450 no"))}
        ours, theirs, *_ = await _both(answers, is_pipelining=is_pipelining, is_in_pieces=is_in_pieces)
        if ours != theirs:
            differences.append((answers, ours, theirs))
    assert not differences, "\n".join(map(str, differences))


SMUGGLED = b"\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\nx"
DOTS = [
    b"\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n.\r\n",
    b"\r\r\n.\r\r\n",
    b"\0\r\n.\r\n",
]
MESSAGES = [
    *(b"Subject: x\r\n\r\nbody" + dot + SMUGGLED for dot in DOTS),
    *(
        b".",
        b"..",
        b"",
        b"\r",
        b"\n",
        b"\r\n",
        b".\r\n",
        b"a",
        b"a\r",
        b"a\n.",
        b"a\r\n.",
        b"a\n\n",
        b"\n\n\n",
        b"\r\n\r\n",
    ),
    *(b"x" * 5000, b"." * 3000 + b"\n" + b"." * 999, "Grüße €\r\n.".encode(), bytes(range(256)) * 3),
]


async def test_what_is_sent_is_one_mail_and_the_same() -> None:
    draw = random.Random(11)
    every = [*MESSAGES, *(bytes(draw.choices(b"\r\n.a", k=draw.randrange(40))) for _ in range(150))]
    for message in every:
        ours, theirs, first, second = await _both({}, message=message)
        assert ours == theirs == ("taken", "kept"), message
        assert first.mails == second.mails, message
        assert first.heard == second.heard, message
        assert first.heard[2:] == ["DATA", "mail"], message


ADDRESSES = [
    *("ana@customer.example", "o'hara+x@customer.example", '"a b"@customer.example', '"a>b"@customer.example', "ana"),
    *("a\r\nRSET@b.c", "a\nb@c.d", "a\rb@c.d", "a\0b@c.d", "a@b.c> SIZE=1", "<a@b.c>", "<<a@b.c>>", "Ana <a@b.c>"),
    *(
        "a@b.c\r\nDATA",
        '"a\r\nDATA\r\n"@b.c',
        '"a\x1b"@b.c',
        '"a',
        "a b@c.d",
        "ä@b.c",
        "a@bücher.example",
        "",
        " ",
        "<>",
    ),
    *('"a\\"b"@c.d', '"a\\"> X=1 "b"@c.d', "a@b.c,d@e.f", "a@b.c\x7f", "a@b.c\u2028DATA", "a@b.c\t", "\x85a@b.c"),
]


@pytest.mark.parametrize("is_sender", [True, False])
async def test_an_address_is_no_command(is_sender: bool) -> None:
    for address in ADDRESSES:
        given = {"sender": address} if is_sender else {"address": address}
        ours, theirs, first, second = await _both({}, is_pipelining=True, **given)  # type: ignore[arg-type]
        assert ours == theirs, address
        if ours[0] == "taken":
            assert first.heard == second.heard, address
        else:
            assert first.heard == [], address
