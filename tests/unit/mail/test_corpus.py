"""Every mail of the corpus is read, everything that is in it comes out, and its expectations are met."""

import email
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from services.intake.mail.parsing.parser import ReadMail, read_mail
from tests.unit.mail.sample_mails import CORPUS, corpus, expectations, need

EXPECTED = expectations(CORPUS / "expected.jsonl")
EMPTY = "sample_output_multipart"
JUDGED_DIFFERENTLY = {
    ("freescout/message-4-null-bytes.eml", "html_body_ends"): "we keep what is in <body>, not the document around it",
    ("freescout/message-3.eml", "text_body"): "line ends at the end of a text are cut",
    ("freescout/message-3.eml", "html_body"): "attributes that mean nothing to us are cut: dir",
    ("django-helpdesk/quoted_printable.eml", "html_contains"): "attributes that mean nothing to us are cut: dir",
    ("freescout/message-2.eml", "size"): "14,938 is the length of the base64; the file has 10,915 bytes",
}
"""(file, expectation): why. Each is still asked, in its own words, below."""


def test_the_corpus_is_there() -> None:
    need(CORPUS)
    assert len(corpus()) == 118


@pytest.mark.parametrize("path", corpus(), ids=lambda path: path.name)
def test_a_mail_of_the_corpus_is_readable(path: Path) -> None:
    mail = read_mail(path.read_bytes())
    assert mail.is_readable == (path.name != EMPTY)
    assert "\0" not in mail.body + mail.quoted + mail.subject
    assert len(mail.subject) <= 255
    assert len(mail.defects) == len(set(mail.defects))


def leaves(message: Message) -> list[Message]:
    """The parts of a mail as the standard library finds them; a mail in a mail is one part."""
    if message.get_content_maintype() != "multipart" or not isinstance(message.get_payload(), list):
        return [message]
    return [leaf for part in message.get_payload() for leaf in leaves(part)]  # type: ignore[arg-type]


def content(part: Message) -> bytes:
    """A part's bytes."""
    return part.get_payload(decode=True) or b""  # type: ignore[return-value]


@pytest.mark.parametrize("path", corpus(), ids=lambda path: path.name)
def test_every_file_of_a_mail_comes_out_whole(path: Path) -> None:
    """The standard library is asked for the same mail: each file it finds must be among ours, byte by byte."""
    raw = path.read_bytes()
    found = [part for part in leaves(email.message_from_bytes(raw)) if part.get_content_maintype() != "text"]
    ours = read_mail(raw).attachments
    for part in found:
        if part.get_content_maintype() == "message":
            assert any(one.content and one.content in raw for one in ours if one.media_type == part.get_content_type())
        elif part.get_content_maintype() != "multipart":
            assert content(part) in [one.content for one in ours]


HEADERS_OURS_IS_KINDER_TO = ("raw_email_incorrect_header.eml", "example13.eml")
"""One stray line in the header, and the standard library takes the rest of the header for text."""


@pytest.mark.parametrize("path", corpus(), ids=lambda path: path.name)
def test_every_word_of_a_mails_text_comes_out(path: Path) -> None:
    """Again by comparison, for plain text in ASCII: each word is visible, quoted or in a file."""
    raw = path.read_bytes()
    mail = read_mail(raw)
    known = set(f"{mail.text} {mail.quoted}".split())
    for one in mail.attachments:
        known |= set(one.content.decode("utf-8", "replace").split())
    for part in leaves(email.message_from_bytes(raw)):
        text = content(part)
        is_ascii = text.isascii() and b"\x1b" not in text and part.get_content_type() == "text/plain"
        if is_ascii and not mail.html and path.name not in HEADERS_OURS_IS_KINDER_TO:
            assert set(text.replace(b"\0", b"").decode().split()) <= known


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda expected: expected["file"])
def test_an_expectation_of_another_project_is_met(expected: dict[str, Any]) -> None:
    mail = read_mail((CORPUS / expected["file"]).read_bytes())
    for name, value in expected["expect"].items():
        if name not in ("note", "boundary") and (expected["file"], name) not in JUDGED_DIFFERENTLY:
            assert_met(mail, name, value)


def assert_met(mail: ReadMail, name: str, value: Any) -> None:
    match name:
        case "subject":
            assert mail.subject == value
        case "subject_starts":
            assert mail.subject.startswith(value)
        case "from_name":
            assert mail.sender is not None
            assert mail.sender.name == value
        case "text_body":
            assert mail.text == value
        case "text_body_ends":
            assert mail.text.endswith(value)
        case "body_contains":
            assert all(one in mail.text for one in value)
        case "full_body_contains":
            assert all(one in f"{mail.text}\n{mail.quoted}" for one in value)
        case "attachments":
            assert_files(mail, value)
        case _:
            pytest.fail(f"nobody asks for {name}")


def assert_files(mail: ReadMail, expected: list[dict[str, Any]]) -> None:
    for wanted in expected:
        found = next(one for one in mail.attachments if one.name == wanted["filename"])
        assert found.content.startswith(wanted.get("starts", "").encode())
        assert found.content.endswith(wanted.get("ends", "").encode())


def read(name: str) -> ReadMail:
    return read_mail(need(CORPUS / name).read_bytes())


def test_what_is_judged_differently_is_met_in_our_words() -> None:
    assert read("freescout/message-3.eml").text == "1"
    assert read("freescout/message-3.eml").html == "<div><div>1</div></div>"
    assert (
        read("django-helpdesk/quoted_printable.eml").html
        == "<div>Tohle je test českých písmen odeslaných z gmailu.</div>"
    )
    assert (read("freescout/message-4-null-bytes.eml").html or "").endswith("</div>")
    assert [len(one.content) for one in read("freescout/message-2.eml").attachments] == [10_915]


def test_text_before_the_first_part_is_shown() -> None:
    assert read("freescout/message-1.eml").text == "Hi"


def test_a_forwarded_mail_is_kept_but_not_shown() -> None:
    mail = read("django-helpdesk/forwarded-message.eml")
    assert mail.text == "This is email body"
    assert "Hello there!" in mail.quoted


@pytest.mark.parametrize(
    "name", [path.relative_to(CORPUS).as_posix() for path in corpus() if path.parent.name == "multipart_report_emails"]
)
def test_a_report_is_a_bounce_that_cites_the_mail_it_is_about(name: str) -> None:
    mail = read(name)
    assert mail.nature == "bounce"
    assert mail.cited
