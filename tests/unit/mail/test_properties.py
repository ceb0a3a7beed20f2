"""What holds for every mail there can be: no error, nothing lost, nothing hostile left."""

import re
import string
from collections import Counter
from email.message import EmailMessage
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.mail.parsing.charsets import decode
from services.intake.mail.parsing.html_parser import read_html
from services.intake.mail.parsing.html_sanitizer import safe_html
from services.intake.mail.parsing.parser import read_mail
from services.intake.mail.parsing.quotes import cut
from tests.unit.mail.sample_mails import letter

SPOKEN = [
    "> quoted",
    ">> quoted twice",
    "On Tue, 1 Mar 2011 at 18:02, Dana Ruiz <dana@bank.example> wrote:",
    "Am 25.06.2015 um 10:55 schrieb Dana Ruiz:",
    "-----Original Message-----",
    "From: Dana",
    "Sent: Tuesday",
    "To: Help",
    "Subject: Re: Help",
    "-- ",
    "--",
    "-Dana",
    "Sent from my iPhone",
    "_" * 40,
    "Please write your reply above this line",
    "- an item",
    "",
]
TEXTS = st.lists(st.sampled_from(SPOKEN) | st.text(string.printable, max_size=30), max_size=40).map("\n".join)
TAGS = ["p", "div", "span", "b", "blockquote", "table", "tr", "td", "ul", "li", "pre", "a", "h1", "font", "center"]
MARKS = [
    "",
    ' class="gmail_quote"',
    ' type="cite"',
    ' class="moz-cite-prefix"',
    ' id="divRplyFwdMsg"',
    ' class="gmail_signature"',
]
PIECES = st.one_of(
    st.sampled_from(SPOKEN).map(lambda text: text.replace("<", "&lt;")),
    st.text(string.ascii_letters + "  \n\xa0", max_size=20),
    st.builds(lambda tag, mark: f"<{tag}{mark}>", st.sampled_from(TAGS), st.sampled_from(MARKS)),
    st.sampled_from(TAGS).map(lambda tag: f"</{tag}>"),
    st.sampled_from(
        ["<br>", "<hr>", '<img src="cid:a@b" alt="X">', "<script>x()</script>", "<!-- x -->", "&amp;", "&nbsp;", "<"]
    ),
)
HTML = st.lists(PIECES, max_size=40).map("".join)
HEADERS = [
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "References",
    "Content-Type",
    "Content-Transfer-Encoding",
    "X-Y",
]


def written(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


@given(TEXTS)
def test_a_cut_text_is_still_the_whole_text(text: str) -> None:
    found = cut(text)
    assert written(found.visible) + written(found.quoted) == written(text)


@given(TEXTS)
def test_a_text_with_anything_in_it_shows_something(text: str) -> None:
    assert bool(cut(text).visible.strip()) == bool(text.strip())


@given(TEXTS)
def test_what_is_shown_is_not_cut_again(text: str) -> None:
    once = cut(text).visible
    assert written(cut(once).visible + "\n" + cut(once).quoted) == written(once)


def letters(text: str) -> Counter[str]:
    return Counter(re.sub(r"\W", "", text))


@given(HTML)
def test_cut_html_still_says_every_letter(html: str) -> None:
    """Compared with the same HTML uncut, as the sanitiser leaves it."""
    read = read_html(html)
    uncut = letters(unescape(re.sub(r"<[^<>]*>", "", safe_html(html))))
    assert uncut <= letters(read.text + read.quoted)


@given(HTML)
def test_what_is_safe_is_the_same_when_made_safe_again(html: str) -> None:
    shown = read_html(html).html
    assert safe_html(shown) == shown
    assert "script" not in shown


LINES = [
    "--b",
    "--b--",
    "--c",
    "--c--",
    "",
    "--b\r\nContent-Type: text/html",
    "--b\r\nContent-Type: multipart/mixed; boundary=c",
]


@given(st.lists(st.sampled_from([*LINES, "{}", "{}", "{}"]), max_size=30))
def test_no_word_is_lost_between_parts_however_they_are_bounded(lines: list[str]) -> None:
    words = [f"word{number}x" for number in range(len(lines))]
    body = "\r\n".join(line.format(word) for line, word in zip(lines, words, strict=True))
    mail = read_mail(letter(body, Content_Type="multipart/mixed; boundary=b"))
    kept = f"{mail.text} {mail.quoted} " + " ".join(one.content.decode() for one in mail.attachments)
    assert {word for line, word in zip(lines, words, strict=True) if line == "{}"} <= set(re.findall(r"word\d+x", kept))


@given(st.binary(max_size=2_000))
def test_no_bytes_break_the_reading(raw: bytes) -> None:
    mail = read_mail(raw)
    mail.body.encode()
    assert "\0" not in mail.body + mail.quoted + mail.subject


@given(st.lists(st.tuples(st.sampled_from(HEADERS), st.binary(max_size=80)), max_size=12), st.binary(max_size=200))
def test_no_header_breaks_the_reading(fields: list[tuple[str, bytes]], body: bytes) -> None:
    raw = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in fields) + b"\r\n" + body
    mail = read_mail(raw)
    names = [*(one.name for one in (*mail.to, *mail.cc)), *(one.name for one in mail.attachments)]
    "".join((mail.subject, mail.text, *names)).encode()


@given(
    st.binary(max_size=200),
    st.sampled_from(["utf-8", "latin-1", "cp1252", "gb2312", "iso-2022-jp", "utf-7", "utf-16", "x", None]),
)
def test_any_bytes_become_text(data: bytes, charset: str | None) -> None:
    decode(data, charset)


@given(
    st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=200),
    st.sampled_from(["utf-8", "gb18030"]),
)
def test_text_comes_back_as_it_was_sent(text: str, charset: str) -> None:
    message = EmailMessage()
    message["From"] = "dana@bank.example"
    message.set_content(text, charset=charset, cte="base64")
    mail = read_mail(message.as_bytes())
    assert written(f"{mail.text}\n{mail.quoted}") == written("\n".join(text.splitlines()))


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_files_come_back_as_they_were_sent(contents: list[bytes]) -> None:
    message = EmailMessage()
    message["From"] = "dana@bank.example"
    message.set_content("See the files")
    for number, content in enumerate(contents):
        message.add_attachment(content, "application", "octet-stream", filename=f"{number}.bin")
    mail = read_mail(message.as_bytes())
    assert [(one.name, one.content) for one in mail.attachments] == [
        (f"{n}.bin", one) for n, one in enumerate(contents)
    ]


@pytest.mark.parametrize("text", ["<p>" * 90 + "deep", "<table><tr><td>" * 30 + "deep", "<ul><li>" * 45 + "deep"])
def test_html_that_is_deep_but_not_too_deep_is_read_to_its_end(text: str) -> None:
    assert "deep" in read_mail(letter(text, Content_Type="text/html")).text
