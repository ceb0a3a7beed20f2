"""Mails are written by hand; for words that are no attack they say what the standard library's own writer would."""

import email
from email import policy
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from services.notification.delivery.header import mailbox, unstructured
from services.notification.delivery.mime import alternatives
from services.notification.delivery.templates import TEMPLATES, TemplateName
from tests.attack.test_outgoing_mail import COMPOSER, job

NAMES = st.text("abcdefghij ABCDEFGHIJéüßøčłñ'.-&", min_size=1, max_size=40).filter(str.strip)
LINES = st.text("abcdefghij éüß0123456789()[]#%&'!?:;,.-", max_size=60)
WORDS = st.lists(LINES, max_size=6).map(lambda lines: "\n".join(lines).strip())
LOCAL = st.from_regex(r"[a-z][a-z0-9.+-]{0,20}[a-z0-9]", fullmatch=True).filter(lambda local: ".." not in local)


def by_the_library(subject: str, name: str, address: str, text: str, page: str) -> EmailMessage:
    """The same mail, written by `email` and read back."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["To"], mail["Subject"] = Address(name, addr_spec=address), subject
    mail.set_content(text)
    mail.add_alternative(page, subtype="html")
    return read(mail.as_bytes())


def read(raw: bytes) -> EmailMessage:
    mail = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def name_in(raw: bytes) -> str:
    """The recipient's name as RFC 2047 reads it: white space between encoded words is none.

    Python 3.11 keeps it in `Address.display_name`, also where its own writer has put it.
    """
    name, _ = parseaddr(email.message_from_bytes(raw, policy=policy.compat32)["To"])
    return str(make_header(decode_header(name)))


def words_of(mail: EmailMessage, kind: str) -> list[str]:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).rstrip("\n").splitlines()


def parsed(page: str) -> Any:
    return cast(Any, lxml_html).document_fromstring(page)


@settings(deadline=None, max_examples=60)
@example(subject="A", name="A" * 28 + "ß" * 6, local="a0", text="")
@given(subject=NAMES, name=NAMES, local=LOCAL, text=WORDS)
def test_what_is_written_plainly_reads_as_what_the_library_writes(
    subject: str, name: str, local: str, text: str
) -> None:
    subject, name, address, page = " ".join(subject.split()), " ".join(name.split()), f"{local}@bank.example", text
    head = mailbox("To", name, address) + unstructured("Subject", subject)
    raw = (head + alternatives(text, page, "seed")).encode("ascii")
    ours = read(raw)
    theirs = by_the_library(subject, name, address, text, page)
    assert [one.addr_spec for one in ours["To"].addresses] == [one.addr_spec for one in theirs["To"].addresses]
    assert name_in(raw) == name
    assert ours["Subject"] == theirs["Subject"] == subject
    assert ours.get_content_type() == theirs.get_content_type()
    for kind in ("plain", "html"):
        assert words_of(ours, kind) == words_of(theirs, kind)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_has_its_styles_in_its_tags(template: TemplateName) -> None:
    """Made once, at start: no statement of a template is left over, and no tag lost its style."""
    mail = read(COMPOSER.compose(job("Ida & Co", "Bank <down>", template)))
    body = mail.get_body(("html",))
    assert body is not None
    source = str(body.get_content())
    assert "jinja" not in source
    assert not {"{%", "{{", "#}"} & set(source.split())
    page = parsed(source)
    styled = page.xpath("//*[self::h1 or @class='sheet' or @class='button' or @class='kicker' or self::th or self::td]")
    has_button = TEMPLATES[template].audience != "third_party"
    assert len(styled) >= (4 if has_button else 3)
    assert all(tag.get("style") for tag in styled)
    assert page.findtext(".//title") == "Everdesk"


def test_words_of_others_stay_words() -> None:
    """They are put into the page after the styles, escaped like everything else."""
    mail = read(COMPOSER.compose(job("{{ 7 * 7 }}<i>", "jinja-0- <!--jinja-1--> {% raw %}", TemplateName.REPLY)))
    body = mail.get_body(("html",))
    assert body is not None
    page = parsed(str(body.get_content()))
    assert page.xpath("//h1")[0].text_content() == "jinja-0- <!--jinja-1--> {% raw %}"
    assert not page.xpath("//i")
    assert "{{ 7 * 7 }}<i>" in page.text_content()
