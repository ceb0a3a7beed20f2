"""Whatever people call themselves or their trouble, a mail of ours has the parts, fields and mailboxes we meant."""

import email
import json
import os
import string
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.header import decode_header, make_header
from email.utils import getaddresses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notification.delivery.compose import BY_CHOICE, Composer
from services.notification.delivery.header import is_message_id, mailbox, unstructured
from services.notification.delivery.queue import MailJob, MailThread
from services.notification.delivery.templates import TEMPLATES, TemplateName
from services.notification.settings import NotificationSettings
from shared.contracts.base import TicketId
from shared.kit.auth import MailThreads
from shared.kit.clock import new_id
from tests.support.strict_mail import NotStrict, StrictMail, read

DATA = Path(os.environ.get("EVERDESK_TEST_DATA", "/nowhere")) / "hostile" / "blns.json"
NAUGHTY = json.loads(DATA.read_text()) if DATA.is_file() else []
INJECTED = "Content-Type:_text/html=0D=0A=0D=0A<h1>Pay</h1>"
ONCE = f"=?utf-8?q?x=0D=0A{INJECTED}?="


def wrapped(words: str) -> str:
    """Encoded words, encoded once more."""
    return f"=?utf-8?q?{''.join(f'={byte:02X}' for byte in words.encode())}?="


HOSTILE = [
    ONCE,
    wrapped(ONCE),
    wrapped(wrapped(ONCE)),
    "=?utf-8?b?eA0KQmNjOiBtYWxsb3J5QGV2aWwuZXhhbXBsZQ==?=",
    f"{ONCE} {ONCE}",
    f"Ida {ONCE}",
    "boss@victim.example, " + "a " * 60,
    "boss@victim.example",
    "<boss@victim.example>",
    '"Boss" <boss@victim.example>, "Ida',
    'Quote " and \\ back',
    "ends with a backslash\\",
    "Everybody: boss@victim.example;",
    "(comment (nested",
    "Müller, Jörg <boss@victim.example> " + "ü" * 80,
    "é@victim.example, " * 9,
    "x\r\nBcc: mallory@evil.example",
    "x\nBcc: mallory@evil.example\n\n<h1>Pay</h1>",
    "x\rBcc: mallory@evil.example",
    "x\x00y\x0b\x0c\x1b[31m\x85\u2028Bcc: a@b.example\u2029",
    "\u202eelpmaxe.kcatta@aubert\u202c \u2066x\u2069",
    "مرحبا بالعالم",
    "👩‍👩‍👧‍👦" * 30,
    "w" * 5000,
    "ü" * 5000,
    "lone \ud800 surrogate \udfff",
    "=?" * 60,
    "?= =?utf-8?q?",
    "=\u200b?utf-8?q?x=0D=0A?=",
    "=\x00?utf-8?q?x=0D=0A?=",
    " ",
    "\u00a0\u3000",
    "-- \r\n.\r\n",
    string.printable,
    *NAUGHTY,
]
ADDRESS = "ida@customer.example"


SETTINGS = NotificationSettings.model_validate(
    {"link_secret": "a-secret-for-this-test", "database_url": "postgresql://nowhere"}
)
COMPOSER = Composer(SETTINGS)
TICKET = TicketId(new_id())
FIELDS = {
    *("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References"),
    *("X-Auto-Response-Suppress", "X-Everdesk-Ticket", "Content-Language", "MIME-Version", "Content-Type"),
}
OF_TICKETS = {"In-Reply-To", "References", "X-Everdesk-Ticket"}
"""Fields that a mail about no ticket has not."""
FACTS: dict[str, object] = {
    "email": "lee@bank.example",
    "author": "Ada",
    "body": "Hello.",
    "body_format": "text",
    "attachments": [],
    "resolves_at": None,
    "priority": "normal",
    "metric": "resolution",
    "percent": 75,
    "due_at": "2026-11-02T12:00:00+00:00",
    "repetition": 1,
    "is_overdue": True,
    **{"team": "Payments", "previous": "Zoë", "reason": "agent_inactive", "count": 2},
    "tickets": [{"number": "100003", "priority": "high"}],
    **{"link_id": "01a2228e-49cc-708a-b83b-56a2e4167cbb", "purpose": "reset"},
    "expires_at": "2026-11-02T12:00:00+00:00",
    **{"change": "password_changed", "changed_at": "2026-11-02T12:00:00+00:00"},
    "do": "notify",
    "into": "100004",
    "step": 1,
}


ONE_CLICK = {"List-Unsubscribe", "List-Unsubscribe-Post"}
REPORT = 'row,name\r\nteam,"<b>Zoë</b>, all"\r\n'


def job(name: str, subject: str, template: TemplateName = TemplateName.REPLY, address: str = ADDRESS) -> MailJob:
    """A mail with these words wherever words of people can stand."""
    made = MailThreads(SETTINGS, SETTINGS.mail_domain).message_id(TICKET, new_id())
    facts = FACTS | {"author": name, "body": f"{subject}\n{name}", "attachments": [name], "subject": subject}
    if template is TemplateName.DIGEST:
        facts["lines"] = [{"number": "100003", "what": "New ticket", "subject": subject}]
    if template is TemplateName.SCHEDULED_REPORT:
        facts |= {"report": subject, "days": "", "address": "/reports/csat", "csv": REPORT, "file": "csat.csv"}
    at = datetime(2026, 11, 2, 9, tzinfo=UTC)
    return MailJob(new_id(), "cause", template, TICKET, "100003", subject, address, name, facts, made, 0, at)


def check(raw: bytes, template: TemplateName = TemplateName.REPLY) -> StrictMail:
    """Three readers agree: these fields, one mailbox in each, two parts, and nothing else."""
    mail = read(raw)
    automatic = set() if TEMPLATES[template].auto_submitted == "no" else {"Auto-Submitted"}
    fields = FIELDS - OF_TICKETS if TEMPLATES[template].audience in ("account", "third_party") else FIELDS
    is_by_choice = TEMPLATES[template].audience == "agent" or template is TemplateName.DIGEST
    listed = {"List-Unsubscribe"} if is_by_choice else ONE_CLICK if template in BY_CHOICE else set()
    assert set(mail.fields) == fields | automatic | listed
    has_file = template is TemplateName.SCHEDULED_REPORT
    kinds = ["text/plain", "text/html", *(["text/csv"] if has_file else [])]
    assert [kind for kind, _ in mail.parts] == kinds
    for name, address in (("From", SETTINGS.mail_address), ("To", ADDRESS), ("Reply-To", SETTINGS.mail_address)):
        assert mail.mailbox(name)[1] == address
    by_registry = email.message_from_bytes(raw, policy=policy.default)
    by_compat = email.message_from_bytes(raw, policy=policy.compat32)
    for parsed in (by_registry, by_compat):
        assert sorted(parsed.keys()) == sorted(mail.fields)
        leaves = [part.get_content_type() for part in parsed.walk() if not part.is_multipart()]
        assert leaves == kinds
        assert not parsed.defects
    for name in ("From", "To", "Reply-To"):
        assert [one.addr_spec for one in by_registry[name].addresses] == [mail.mailbox(name)[1]]
        raw_value = str(by_compat[name])
        assert [address for _, address in getaddresses([raw_value])] == [mail.mailbox(name)[1]]
        if "=?" in raw_value:
            undone = str(make_header(decode_header(raw_value)))
            assert [address for _, address in getaddresses([undone])] == [mail.mailbox(name)[1]]
    assert str(by_registry["Subject"]).strip() == mail.text("Subject").strip()
    for shown in (mail.text("Subject"), mail.mailbox("To")[0], mail.mailbox("From")[0]):
        assert shown.isprintable() or set(shown) & set("\u200c\u200d\u3000\u00a0") or has_unassigned(shown)
        assert not set(shown) & set("\r\n\0\u2028\u2029\u202e\u2066")
    return mail


def has_unassigned(text: str) -> bool:
    """Whether it holds private or unassigned characters: not printable for Python, harmless in a header."""
    return any(not char.isprintable() and ord(char) > 0xFF for char in text)


@pytest.mark.parametrize("words", HOSTILE, ids=lambda words: ascii(words)[:30])
def test_hostile_words_change_nothing_about_a_mail(words: str) -> None:
    mail = check(COMPOSER.compose(job(words, words)))
    assert "=?" not in mail.mailbox("To")[0]
    assert mail.mailbox("From")[0].endswith((")", SETTINGS.mail_name))


@pytest.mark.parametrize("template", [*TemplateName])
def test_every_kind_of_mail_is_read_back_as_it_was_meant(template: TemplateName) -> None:
    mail = check(COMPOSER.compose(job('O"Neill, Zoë', "Drucker, 2. Stock: " + ONCE, template)), template)
    assert mail.mailbox("To")[0] == "O Neill Zoë"


@given(name=st.text(max_size=150), subject=st.text(max_size=300))
def test_any_words_at_all(name: str, subject: str) -> None:
    check(COMPOSER.compose(job(name, subject)))


@given(st.lists(st.sampled_from(["=?utf-8?q?", "?=", "=0D=0A", " ", "a@b.c", ",", '"', "\\", "<", ">", "é", "(", ")"])))
def test_any_mixture_of_what_headers_are_made_of(pieces: list[str]) -> None:
    check(COMPOSER.compose(job("".join(pieces), "".join(pieces))))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Doe, Jane", "Doe, Jane"),
        ("Jane (Doe Ltd.)", "Jane (Doe Ltd.)"),
        ("Zoë Müller", "Zoë Müller"),
        ("Zoë (Müller GmbH)", "Zoë (Müller GmbH)"),
        ("李小龍", "李小龍"),
        ("👩‍👩‍👧 Family", "👩‍👩‍👧 Family"),
    ],
)
def test_people_keep_their_names(name: str, shown: str) -> None:
    assert check(COMPOSER.compose(job(name, name))).mailbox("To")[0] == shown


@pytest.mark.parametrize("subject", ['Printer, 2nd floor: "off" <again>', "Größe läßt Übermut", "a =?b?= c", ONCE])
def test_a_subject_is_shown_as_it_was_written(subject: str) -> None:
    assert subject in check(COMPOSER.compose(job("Ida", subject))).text("Subject")


@pytest.mark.parametrize(
    "address",
    [
        "ida@customer.example\r\nBcc: mallory@evil.example",
        "ida@customer.example, boss@victim.example",
        '"ida"@customer.example',
        "ida@customer.example>",
        "idä@customer.example",
        "=?utf-8?q?x?=@customer.example",
        "ida",
        "",
        "i@" + "a" * 300 + ".example",
    ],
)
def test_an_address_that_is_none_is_never_written(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        COMPOSER.compose(job("Ida", "Hello", address=address))


@pytest.mark.parametrize(
    "foreign",
    [
        *(
            "<a@b>\r\nBcc: c@d",
            "<=?utf-8?q?x?=@b.example>",
            "<a b@c>",
            "<a@b> <c@d>",
            "a@b",
            "<ä@b>",
            "<a@b@c>",
            "<>",
            "",
        ),
        *("<a(b)@c>", '<"a b"@c>', "<a,b@c>", "<a\\@c>", "<a@>", f"<{'a' * 250}@b.example>"),
    ],
)
def test_only_a_plain_message_id_is_repeated(foreign: str) -> None:
    assert not is_message_id(foreign)


@pytest.mark.parametrize(
    "foreign",
    [
        "<CAF+x=1.2$3@mail.gmail.com>",
        "<11107978796724623>",
        "<4cb5c7d0a3cce_120e..fdbed2b861958562@s.t-example.com.tmail>",
        "<urn:uuid:4cb5c7d0@host>",
        "<.x.@host.>",
        "<x@[192.0.2.1]>",
    ],
)
def test_an_id_is_repeated_as_real_programs_write_it(foreign: str) -> None:
    assert is_message_id(foreign)
    mail = check(COMPOSER.compose(replace(job("Ida", "Hello"), thread=MailThread(foreign, foreign))))
    assert mail.text("In-Reply-To") == foreign
    assert mail.text("References").split()[-1] == foreign


@pytest.mark.parametrize("name", [name for name, one in TEMPLATES.items() if one.audience == "requester"])
@pytest.mark.parametrize("is_copy", [False, True])
def test_whatever_requesters_get_stands_in_their_thread(name: TemplateName, *, is_copy: bool) -> None:
    thread = MailThread("<root@bank.example>", "<theirs@bank.example>", "<ours@everdesk.example>")
    mail = read(COMPOSER.compose(replace(job("Ida", "Printer broken", name), thread=thread, is_copy=is_copy)))
    signed = MailThreads(SETTINGS, SETTINGS.mail_domain).thread_id(TICKET)
    assert mail.text("In-Reply-To") == thread.theirs
    assert mail.text("References").split() == [thread.root, signed, thread.ours, thread.theirs]
    assert mail.text("Subject") == "[#100003] Printer broken"


def test_the_strict_reader_can_fail() -> None:
    good = COMPOSER.compose(job("Ida", "Hello"))
    for bad in (
        good.replace(b"Subject:", b"Bcc: a@b.example\nSubject:", 1),
        good.replace(b"Subject:", b"To: <a@b.example>\r\nSubject:", 1),
        good.replace(b'"Ida" ', b"boss@victim.example, ", 1),
        good.replace(b"MIME-Version", b"\r\nMIME-Version", 1),
    ):
        with pytest.raises((NotStrict, KeyError)):
            read(bad).mailbox("To")


def test_fields_without_words_are_still_fields() -> None:
    assert unstructured("Subject", "") == "Subject: \r\n"
    assert mailbox("To", "\r\n", ADDRESS) == f"To: <{ADDRESS}>\r\n"
