"""No wrapping and no encoding carries one of our links past redaction, and nothing else is touched."""

import base64
import html
import quopri
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import process_time
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.base import TicketId
from shared.contracts.redaction import REMOVED, redacted, redacted_bytes, redacted_json
from shared.kit.auth import MailThreads, TicketLink, TicketLinks
from shared.kit.clock import new_id
from shared.kit.one_time_links import ExportLinks
from shared.kit.settings import Settings

SETTINGS = Settings(link_secret="a-secret-only-for-tests", portal_url="https://help.bank.example")
LINKS = TicketLinks(SETTINGS)
EXPORTS = ExportLinks(SETTINGS)
THREADS = MailThreads(SETTINGS, "help.bank.example")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
emails = st.one_of(
    st.just("dana@bank.example"),
    st.from_regex(r"[a-z]{1,40}(\+[a-z]{1,20})?@[a-z]{1,40}\.example", fullmatch=True),
    st.integers(20, 60).map(lambda size: f"{'a' * size}@{'b' * size}.example"),
)
links = st.builds(
    lambda ticket, email, mailed, minutes: TicketLink(
        TicketId(ticket), email, is_mailed=mailed, signed_at=EPOCH + timedelta(minutes=minutes)
    ),
    st.uuids(),
    emails,
    st.booleans(),
    st.integers(0, 10**6),
)
exports = st.builds(
    lambda email, mail, minutes: EXPORTS.url(email, mail, EPOCH + timedelta(minutes=minutes)),
    emails,
    st.uuids(),
    st.integers(0, 10**6),
)
urls = st.one_of(exports, links.map(LINKS.url), links.map(LINKS.invitation_url))


def wrapped(text: str, width: int, glue: str) -> str:
    """Broken into pieces, as mail clients break what is too long."""
    return glue.join(text[start : start + width] for start in range(0, len(text), width))


def everywhere_encoded(text: str) -> str:
    return "".join(f"%{ord(char):02X}" for char in text)


WRAPPINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda url: url,
    "quoted": lambda url: f"> {url}",
    "angle": lambda url: f"<{url}>",
    "markdown": lambda url: f"[your ticket]({url})",
    "href": lambda url: f'<a href="{html.escape(url)}">{html.escape(url)}</a>',
    "percent": lambda url: quote(url, safe=""),
    "percent twice": lambda url: quote(quote(url, safe=""), safe=""),
    "all percent": everywhere_encoded,
    "all percent twice": lambda url: quote(everywhere_encoded(url), safe=""),
    "entities": lambda url: "".join(f"&#{ord(char)};" for char in url),
    "hexadecimal entities": lambda url: "".join(f"&#x{ord(char):x};" for char in url),
    "entities twice": lambda url: html.escape("".join(f"&#{ord(char)};" for char in url)),
    "safelinks": lambda url: (
        f"https://eur01.safelinks.protection.outlook.com/?url={quote(url, safe='')}&data=05%7C02&reserved=0"
    ),
    "google": lambda url: f"https://www.google.com/url?q={quote(url, safe='')}&sa=D&usg=AOvVaw0",
    "proofpoint 2": lambda url: (
        "https://urldefense.proofpoint.com/v2/url?u="
        + quote(url, safe="").replace("_", "%5F").replace("-", "%2D").replace("%2F", "_").replace("%", "-")
        + "&d=Dw"
    ),
    "proofpoint 3": lambda url: f"https://urldefense.com/v3/__{url}__;!!Nz8",
    "base64": lambda url: f"https://track.example/click/{base64.urlsafe_b64encode(url.encode()).decode()}",
    "mail in base64": lambda url: base64.encodebytes(f"Hello,\nsee {url}\nBye\n".encode()).decode(),
    "zero-padded entities": lambda url: "".join(f"&#{ord(char):07d};" for char in url),
    "many zeros": lambda url: "".join(f"&#{'0' * 30}{ord(char)};" for char in url),
    "entities without an end": lambda url: url.replace("_", "&lowbar;").replace(".", "&#x2e;").replace("/", "&#47"),
    "turndown": lambda url: url.replace("_", r"\_").replace("-", r"\-").replace(".", r"\."),
    "json": lambda url: url.replace("/", r"\/").replace(".", "\\u002e"),
    "defanged": lambda url: url.replace("http", "hxxp").replace(".", "[.]").replace(":", "[:]"),
    "defanged with words": lambda url: url.replace("http", "hxxp").replace(".", "[dot]").replace("://", "[://]"),
    "seen from both sides": lambda url: "\u202a" + "\u200e".join(url) + "\u202c",
    "soft hyphens": lambda url: "\u00ad".join(url[at : at + 7] for at in range(0, len(url), 7)),
    "quoted-printable folded": lambda url: (
        quopri.encodestring(f"?u={url}&x=1".encode() * 2).decode().replace("=", "=3D")
    ),
    "quoted-printable": lambda url: quopri.encodestring(f"Grüße, see {url}".encode()).decode(),
}
GLUES = (
    "\n",
    "\r\n",
    "\n> ",
    "\n>> ",
    "\r\n> > > ",
    "=\n",
    "=\r\n> ",
    "\n  ",
    " ",
    "\u200b",
    "\n| ",
    "\nDR> ",
    "\nDana Reyes> ",
    "\r\n> Dana> ",
    "\u2066",
    "\u202f",
)
TAGS = (
    "<br>",
    "<wbr/>",
    "<br>\n&gt; ",
    "</span><span class='x'>",
    "&shy;",
    '<b title="a>b<c">',
    "<wbr\ntitle = '>'>",
    "<!-- > -->",
)
MARKUP = [
    "WyI",
    "%25",
    "&amp;",
    "=\n> ",
    "http",
    "hxxps://",
    "&#0",
    "&#47",
    "\\",
    "\\_",
    "<b ",
    "='",
    '="',
    "<!--",
    "-->",
]
MARKUP += [
    "\nDana> ",
    "\n",
    " ",
    "[.]",
    "[",
    "\u202e",
    "\u00ad",
    "a.b",
    "Wy",
    "_",
    "-",
    "=3D",
    ">",
    "<",
    "'",
    "hd_",
    ".",
]
SIZE = 64 * 1024
SLOWEST = 5
"""Seconds for 256 KiB, the longest text that is accepted."""


def tell(text: str, token: str) -> bool:
    """Whether a clean text still has a piece of the token that could be guessed on from."""
    payload, _, seal = token[1:].rpartition(".")
    pieces = [seal, payload[-20:], quote(everywhere_encoded(seal), safe="")]
    return any(piece in text for piece in pieces)


@given(url=urls, name=st.sampled_from(sorted(WRAPPINGS)), before=st.text(max_size=40), after=st.text(max_size=40))
def test_a_link_never_passes_in_any_encoding(url: str, name: str, before: str, after: str) -> None:
    said = f"{before} {WRAPPINGS[name](url)} {after}"
    clean = redacted(said)
    assert clean != said
    assert not tell(clean, url.rpartition("/")[2])
    assert redacted(clean) == clean


@given(
    url=urls,
    name=st.sampled_from(["plain", "percent", "entities", "href", "safelinks"]),
    width=st.integers(20, 80),
    glue=st.sampled_from(GLUES),
)
def test_a_link_never_passes_in_pieces(url: str, name: str, width: int, glue: str) -> None:
    if name in ("entities", "percent") and glue in ("=\n", "=\r\n> "):
        name = "plain"
    said = f"You wrote:\n> {wrapped(WRAPPINGS[name](url), width, glue)}\n> Bye, all of you\n"
    clean = redacted(said)
    assert REMOVED in clean
    assert clean.endswith(("Bye, all of you\n", "Bye, all of you"))
    assert not tell(redacted(wrapped(clean, 10**6, "").replace(glue, "")), url.rpartition("/")[2])


@pytest.mark.parametrize("sign", [">", "|"])
@pytest.mark.parametrize("tail", [1, 2, 3, 4])
@pytest.mark.parametrize("glue", ["\n", "\r\n", "\n> ", "\n>> ", "=\n", "\nDR> ", "\n> DR> ", "<br>", "\nDana Reyes> "])
def test_the_last_letters_of_a_folded_link_are_no_initials(glue: str, tail: int, sign: str) -> None:
    url = LINKS.url(TicketLink(TicketId(new_id()), "dana@bank.example", is_mailed=True))
    while not url[-4:].isalpha():
        url = LINKS.url(TicketLink(TicketId(new_id()), "dana@bank.example", is_mailed=True))
    for rest in (f"{sign}. And more.\n", f"{sign} and more.\n", f"{sign}\nDR> (Bye)\n"):
        said = f"You wrote:{glue}<{wrapped(url[:-tail], 60, glue)}{glue}{url[-tail:]}{rest}"
        assert not tell(redacted(said), url.rpartition("/")[2])
        assert url[-30 - tail : -tail] not in redacted(said)


@given(url=urls, width=st.integers(10, 60), glue=st.sampled_from(TAGS))
def test_tags_in_a_link_do_not_help(url: str, width: int, glue: str) -> None:
    said = f"<p>Hello<br>{wrapped(url, width, glue)}</p><p>Bye</p>"
    clean = redacted(said)
    assert clean == f"<p>Hello<br>{REMOVED}</p><p>Bye</p>"


@given(ticket=st.uuids(), mail=st.uuids(), glue=st.sampled_from(["", "\n ", "=\n"]))
def test_signed_message_ids_are_removed_too(ticket: UUID, mail: UUID, glue: str) -> None:
    for signed in (THREADS.thread_id(TicketId(ticket)), THREADS.message_id(TicketId(ticket), mail)):
        said = f"Message-ID: {wrapped(signed, 40, glue)}\nTo: you"
        assert redacted(said) == f"Message-ID: <{REMOVED}>\nTo: you"


@given(text=st.text(max_size=400))
def test_other_text_is_kept_as_it_is(text: str) -> None:
    assert redacted(text) == text
    assert redacted_bytes(text.encode("utf-16")) == text.encode("utf-16")


@given(content=st.binary(max_size=400))
def test_other_bytes_are_kept_as_they_are(content: bytes) -> None:
    assert redacted_bytes(content) == content


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_text_files_in_any_charset(codec: str) -> None:
    url = LINKS.url(TicketLink(TicketId(new_id()), "dana@bank.example", is_mailed=True))
    assert redacted_bytes(f"See {url} soon".encode(codec)).decode(codec) == f"See {REMOVED} soon"


def test_values_are_cleaned_at_every_depth() -> None:
    url = LINKS.url(TicketLink(TicketId(new_id()), "dana@bank.example"))
    assert redacted_json({"a": [url, {"b": f"see {url}"}], "c": 1}) == {"a": [REMOVED, {"b": f"see {REMOVED}"}], "c": 1}


def test_a_link_that_was_cut_at_the_end_cannot_be_completed() -> None:
    url = LINKS.url(TicketLink(TicketId(new_id()), "dana@bank.example"))
    assert redacted(f"See {url[:-1]}") == f"See {REMOVED}"


@given(text=st.lists(st.sampled_from(MARKUP), max_size=60).map("".join))
def test_markup_without_a_token_is_kept_as_it_is(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    "piece", [*MARKUP, "A" * 76 + "\n", ".aaaaaa.", "WyJ.", "eJ.", "<b>", "t.", "<'\"", "='\"", "&#0"]
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    """Twice the text may take three times as long, for the machine may be busy."""

    def seconds(size: int) -> float:
        started = process_time()
        redacted(piece * (size // len(piece)))
        return process_time() - started

    n, double, fourfold = (min(seconds(size) for _ in range(2)) for size in (SIZE, 2 * SIZE, 4 * SIZE))
    assert fourfold < 1 or (double < 3 * n and fourfold < 3 * double), (n, double, fourfold)
    assert fourfold < SLOWEST
