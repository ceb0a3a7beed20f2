"""No name or subject holds a control character once it is stored, whatever channel it came by."""

import unicodedata
from email.message import EmailMessage

import pytest

from services.intake.models import Ticket
from tests.services.intake.harness import request_for_help
from tests.services.intake.mail.post_office import PostOffice, letter
from tests.services.intake.osticket.conftest import old  # noqa: F401 - a fixture
from tests.services.intake.osticket.old_client import LEAST, OldClient
from tests.services.intake.web.test_portal import send

CONTROLS = "\x00\x01\x0b\x0c\x1b\x1f\x7f\x80\x85\x9b\x9f\r\n\u2028\u2029"
PERCENT = "".join(f"={byte:02X}" for byte in f"a{CONTROLS}b".encode())
ENCODED = [
    f"=?utf-8?q?{PERCENT}?=",
    "=?utf-8?q?x=0D=0AContent-Type:_text/html=0D=0A=0D=0A?=",
    "=?iso-8859-1?q?a=1B=85=9Bb?=",
    "=?utf-7?q?a+AA0ACgCbACg-b?=",
    "=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3D0D=3D0Ay=3F=3D?=",
]


def has_controls(words: str) -> bool:
    return any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in words)


def is_clean(ticket: Ticket) -> bool:
    return not has_controls(ticket.subject) and not has_controls(ticket.requester_name)


def raw_letter(words: bytes) -> bytes:
    mail: EmailMessage = letter(**{"from": "NAME <dana@bank.example>", "subject": "WORDS"})
    return mail.as_bytes().replace(b"NAME", words, 1).replace(b"WORDS", words, 1)


@pytest.mark.parametrize(
    "words", [*[one.encode() for one in ENCODED], f"a{CONTROLS[1:11]}b".encode(), b"a\x80\x9b\x1bb"]
)
async def test_by_mail(post: PostOffice, words: bytes) -> None:
    raw = raw_letter(words)
    await post.hand_in(raw)
    row = await post.settled(raw)
    assert row.ticket_id is not None
    assert is_clean(await post.ticket(row.ticket_id))


@pytest.mark.parametrize("control", [*CONTROLS, "\ud800"], ids=ascii)
async def test_by_form_api_and_old_client(
    post: PostOffice,
    old: OldClient,  # noqa: F811
    control: str,
) -> None:
    words, intake = f"a{control}b", post.intake
    async with intake.client() as http:
        for field in ({"subject": words}, {"requester": {"email": "dana@bank.example", "name": words}}):
            answer = await http.post("/v1/tickets", json=request_for_help(**field)) if control != "\ud800" else None
            assert answer is None or answer.status_code == 422
    made = await old.json(LEAST | {"subject": words, "name": words})
    assert made.status_code >= 400 or is_clean((await old.made(made)).ticket)
    if control == "\ud800":
        return
    async with intake.browser() as browser:
        await browser.get("/")
        form = {"email": "dana@bank.example", "name": words, "topic": "general", "subject": words, "body": "502"}
        assert (await send(browser, "/tickets/new", **form)).status_code == 422
