"""One kept mail as people and scripts want to see it, read from its raw bytes."""

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses, parseaddr
from html.parser import HTMLParser

ENVELOPE_TO = "X-Envelope-To"
_SNIPPET = 250
_SEARCHED = 20_000


@dataclass(frozen=True, slots=True)
class Address:
    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


@dataclass(frozen=True, slots=True)
class Summary:
    """A row of the inbox; `envelope_to` holds whom the mail was really for, hidden copies included."""

    id: str
    message_id: str
    sender: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    envelope_to: tuple[str, ...]
    subject: str
    created: datetime
    size: int
    snippet: str
    searched: str


@dataclass(frozen=True, slots=True)
class Mail:
    summary: Summary
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    attachments: tuple[str, ...]


def read_mail(mail_id: str, created: datetime, raw: bytes) -> Mail:
    message = message_from_bytes(raw, policy=policy.default)
    text, html = _body(message, "plain"), _body(message, "html")
    headers = tuple((name, _decoded(name, value)) for name, value in message.raw_items())
    files = [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]
    words = " ".join((text or _visible_text(html)).split())
    return Mail(_summary(mail_id, created, len(raw), headers, words), headers, text, html, tuple(files))


Headers = tuple[tuple[str, str], ...]


def _summary(mail_id: str, created: datetime, size: int, headers: Headers, words: str) -> Summary:
    return Summary(
        id=mail_id,
        message_id=_first(headers, "Message-ID").strip().strip("<>"),
        sender=Address(*parseaddr(_first(headers, "From"))),
        to=_addresses(headers, "To"),
        cc=_addresses(headers, "Cc"),
        envelope_to=tuple(entry.address for entry in _addresses(headers, ENVELOPE_TO)),
        subject=_first(headers, "Subject"),
        created=created,
        size=size,
        snippet=words[:_SNIPPET],
        searched=words[:_SEARCHED].lower(),
    )


def _decoded(name: str, value: str) -> str:
    try:
        return str(policy.default.header_fetch_parse(name, value))
    except Exception:  # noqa: BLE001  (the parser has bugs of its own; a broken header must not hide a mail)
        return value.encode("utf-8", "replace").decode()


def _all(headers: Headers, wanted: str) -> list[str]:
    return [value for name, value in headers if name.lower() == wanted.lower()]


def _first(headers: Headers, wanted: str) -> str:
    return next(iter(_all(headers, wanted)), "")


def _addresses(headers: Headers, wanted: str) -> tuple[Address, ...]:
    found = getaddresses(_all(headers, wanted))
    return tuple(Address(name, address) for name, address in found if address)


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):  # an unknown or wrong charset must not hide the mail
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else str(payload)


class _TextOnly(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def _visible_text(html: str) -> str:
    parser = _TextOnly()
    parser.feed(re.sub(r"(?is)<(style|script|head)\b.*?</\1>", " ", html))
    return " ".join(parser.pieces)
