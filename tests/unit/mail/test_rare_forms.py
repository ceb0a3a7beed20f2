"""Mails of rare but proper forms: wide charsets, flowed lines, encrypted parts, titles, hidden and appended text."""

import base64

import pytest

from services.intake.mail.parsing.central_european import charset_of_central_europe
from services.intake.mail.parsing.inbound_message import ENCRYPTED, inbound_message_of
from services.intake.mail.parsing.lines import Cutting
from services.intake.mail.parsing.parser import read_mail
from services.intake.mail.parsing.quotes import cut
from tests.unit.mail.sample_mails import letter


def raw_letter(body: bytes, **headers: str) -> bytes:
    return letter("", **headers) + body


@pytest.mark.parametrize("charset", ["utf-16", "UTF-16LE", "utf-16-be", "utf-32", "utf-7"])
def test_a_header_is_not_read_in_a_wide_charset_of_the_body(charset: str) -> None:
    """Nor in UTF-7, in which `+49` means something else."""
    body = base64.b64encode("Grüße aus Køln".encode(charset)).decode()
    mail = read_mail(
        letter(
            body,
            Subject="C++ and +49 170 - ticket",
            Content_Type=f"text/plain; charset={charset}",
            Content_Transfer_Encoding="base64",
        )
    )
    assert mail.sender is not None
    assert (mail.sender.name, mail.sender.address) == ("Dana Ruiz", "dana@bank.example")
    assert mail.subject == "C++ and +49 170 - ticket"
    assert mail.text == "Grüße aus Køln"


@pytest.mark.parametrize("charset", ["utf-16", "utf-16le", "utf-32"])
def test_plain_text_called_wide_is_plain_text(charset: str) -> None:
    mail = read_mail(letter("The lift is stuck on floor 3.", Content_Type=f"text/plain; charset={charset}"))
    assert mail.text == "The lift is stuck on floor 3."


@pytest.mark.parametrize("charset", ["cp1250", "iso8859-2"])
@pytest.mark.parametrize("label", [{}, {"Content_Type": "text/plain; charset=iso-8859-1"}])
@pytest.mark.parametrize(
    "text",
    [
        "Dzień dobry, nie mogę się zalogować. Proszę o pomoc, źle działa.",
        "Dobrý den, nefunguje mi přihlášení a žádné heslo už nepřijímá.",
        "Jó napot, nem működik a nyomtató, kérem küldjenek valakit, hűtő is rossz.",
    ],
)
def test_central_european_text_without_a_right_label(text: str, label: dict[str, str], charset: str) -> None:
    assert read_mail(raw_letter(text.encode(charset), **label)).text == text


def test_a_unit_with_a_raised_digit_makes_no_text_polish() -> None:
    assert charset_of_central_europe("Verbrauch 10m³a".encode("cp1252")) is None


def test_flowed_lines_are_one_paragraph() -> None:
    body = (
        "The printer makes a noise since \r\nyesterday evening and nobody \r\ndares to open it.\r\n\r\n"
        "> did you restart it? That \r\n> usually helps.\r\nYes.\r\n From the manual I learn nothing.\r\n"
        "-- \r\nDana Ruiz"
    )
    mail = read_mail(letter(body, Content_Type="text/plain; charset=utf-8; format=flowed"))
    assert mail.text == (
        "The printer makes a noise since yesterday evening and nobody dares to open it.\n\n"
        "> did you restart it? That usually helps.\nYes.\nFrom the manual I learn nothing."
    )
    assert mail.quoted == "-- \nDana Ruiz"


def test_flowed_lines_without_their_spaces() -> None:
    body = "これは長い文章なので途中で \r\n改行されています。\r\n次の行。"
    kind = "text/plain; charset=utf-8; format=flowed; delsp=yes"
    assert read_mail(letter(body, Content_Type=kind)).text == "これは長い文章なので途中で改行されています。\n次の行。"


def test_text_that_looks_like_a_quote_stays_apart_from_one_in_flowed_lines() -> None:
    mail = read_mail(letter("I see:\r\n > error 7\r\nWhy?", Content_Type="text/plain; format=flowed"))
    assert mail.text == "I see:\n > error 7\nWhy?"


def test_the_title_of_a_page_is_no_part_of_what_was_written() -> None:
    html = "<html><head><title>Newsletter 12</title></head><body><p>My bill is wrong.</p></body></html>"
    mail = read_mail(letter(html, Content_Type="text/html"))
    assert mail.text == "My bill is wrong."
    assert "Newsletter" not in mail.body


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="display:none;max-height:0">Only for the preview</div>',
        '<span style="DISPLAY : none !important">Only for the preview</span>',
        "<p hidden>Only for the preview</p>",
        '<div style="max-height:0px;overflow:hidden;">Only <b>for</b> the preview</div>',
    ],
)
def test_what_no_mail_program_shows_is_folded(hidden: str) -> None:
    mail = read_mail(letter(f"{hidden}<p>My bill is wrong.</p>", Content_Type="text/html"), is_opening=True)
    assert mail.text == "My bill is wrong."
    assert "preview" not in mail.body
    assert "Only for the preview" in mail.quoted


def test_a_mail_of_which_nothing_would_be_seen_is_shown() -> None:
    mail = read_mail(letter('<div style="display:none">My bill is wrong.</div>', Content_Type="text/html"))
    assert mail.text == "My bill is wrong."


@pytest.mark.parametrize(
    "text", ["Hello Wörld, all is fine", "Hello Wörld, all is fine.", "Hello Wörld, all is fine!!"]
)
@pytest.mark.parametrize(
    "footer", ["_____________\r\nHelpers mailing list\r\n", "-- \r\nTo leave, write to bye@lists.example\r\n"]
)
def test_words_that_a_list_puts_below_base64(text: str, footer: str) -> None:
    coded = base64.b64encode(text.encode()).decode()
    mail = read_mail(
        letter(
            f"{coded}\r\n\r\n{footer}",
            Content_Type="text/plain; charset=utf-8",
            Content_Transfer_Encoding="base64",
        )
    )
    assert mail.text.startswith(text)
    assert footer.split("\r\n")[1] in f"{mail.text}\n{mail.quoted}"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (
            'multipart/encrypted; protocol="application/pgp-encrypted"; boundary=p',
            "--p\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
            "--p\r\nContent-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n--p--\r\n",
        ),
        ("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", "MIIB"),
        ("application/x-pkcs7-mime; name=smime.p7m", "MIIB"),
    ],
)
def test_an_encrypted_mail_is_called_so(kind: str, body: str) -> None:
    raw = letter(body, Content_Type=kind)
    assert inbound_message_of(read_mail(raw), raw, "dana@bank.example").body == ENCRYPTED


def test_a_name_is_read_where_the_address_is_encoded_too() -> None:
    mail = read_mail(letter(From="=?UTF-8?Q?J=C3=B6rg_=3Cjoerg=40x=2Eexample=3E?="))
    assert mail.sender is not None
    assert (mail.sender.name, mail.sender.address) == ("Jörg", "joerg@x.example")


def test_brackets_around_an_address_are_no_name() -> None:
    mail = read_mail(letter(From="<<dana@bank.example>>"))
    assert mail.sender is not None
    assert (mail.sender.name, mail.sender.address) == ("", "dana@bank.example")


def test_a_sender_who_cannot_be_answered_is_named() -> None:
    """Quotes before the @ are allowed by the standard, and served by nobody."""
    raw = letter(From='"dana ruiz"@bank.example')
    message = inbound_message_of(read_mail(raw), raw, '"dana ruiz"@bank.example')
    assert not message.is_answerable
    assert message.body.startswith('From "dana ruiz"@bank.example. No mail can be sent')


@pytest.mark.parametrize("cutting", [Cutting(), Cutting(is_opening=True)])
def test_a_report_that_is_pasted_with_its_fields_is_shown(cutting: Cutting) -> None:
    text = "The bounce says:\nReporting-MTA: dns; mx\nFrom: <>\nTo: dana\nSubject: failed\nWhat does it mean?"
    assert cut(text, cutting).visible == text
