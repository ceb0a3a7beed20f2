"""MIME multipart/alternative bodies in quoted-printable."""

import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

QP_LINE = 76
KEPT_LINE, MOST_LINES = 1000, 500
"""The longest line whose encoded form is kept, in characters, and how many lines are encoded one by one."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_FREQUENT = b"aeinorst \n"
"""Bytes of which most texts in Latin letters have more than a fourth."""
_IN_ASCII = {**dict.fromkeys((*range(0x20), 0x7F)), 0x09: "\t", 0x0A: "\n", 0x0B: "\n", 0x0C: "\n"}
"""The same in plain text, which most of ours is: a table is faster than three searches."""
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def alternatives(text: str, html: str, seed: str) -> str:
    """Returns header fields and body of multipart/alternative; the same texts and seed give the same bytes."""
    return of_parts(Part("plain", text).filled({}), Part("html", html).filled({}), seed)


def of_parts(plain: str, html: str, seed: str) -> str:
    """Returns the same of parts that are encoded already.

    A boundary with `=_` stands in no encoded part: there `=` is followed by hexadecimal digits or a line end.
    """
    boundary = f"=_{hashlib.sha256(seed.encode()).hexdigest()[:32]}"
    return (
        f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'
        f"--{boundary}\r\n{plain}\r\n--{boundary}\r\n{html}\r\n--{boundary}--\r\n"
    )


def with_attachment(message: str, name: str, content: str, seed: str) -> str:
    """Returns the header fields and body that `alternatives` made, with a CSV file beside them.

    `name` must be an ASCII token.
    """
    boundary = f"=_{hashlib.sha256(f'mixed:{seed}'.encode()).hexdigest()[:32]}"
    inner = message.removeprefix("MIME-Version: 1.0\r\n")
    return (
        f'MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary="{boundary}"\r\n\r\n'
        f"--{boundary}\r\n{inner}--{boundary}\r\n"
        f'Content-Type: text/csv; charset="utf-8"\r\nContent-Disposition: attachment; filename="{name}"\r\n'
        f"Content-Transfer-Encoding: base64\r\n\r\n{_base64(content.encode())}\r\n--{boundary}--\r\n"
    )


class Part:
    """A text as a part of one mail, or of several in which only the lines with a mark differ.

    How a line is broken depends on nothing beside it: those without a mark are encoded once.
    """

    def __init__(self, subtype: str, content: str, mark: str | None = None) -> None:
        self._subtype = subtype
        self._text = cleaned(content)
        self._pieces: list[_Quoted | str] = []
        for is_marked, lines in groupby(self._text[:-1].split("\n"), key=lambda line: mark in line if mark else False):
            each = [f"{line}\n" for line in lines]
            self._pieces += each if is_marked else [_quoted(each)]

    def filled(self, values: Mapping[str, str]) -> str:
        """Returns the part with each of these replaced by its value: printable, on one line and not empty."""
        pieces = [_Quoted.of(_filled(one, values)) if isinstance(one, str) else one for one in self._pieces]
        whole = _joined(pieces)
        is_mostly_plain = whole.frequent * 4 > whole.octets
        encoding = "quoted-printable" if is_mostly_plain else "base64"
        body = whole.text if is_mostly_plain else _base64(_filled(self._text, values).encode())
        return (
            f'Content-Type: text/{self._subtype}; charset="utf-8"\r\n'
            f"Content-Transfer-Encoding: {encoding}\r\n\r\n{body}"
        )


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


class _Quoted(NamedTuple):
    """Text as quoted-printable, and what tells whether that suits it."""

    text: str
    octets: int
    frequent: int

    @classmethod
    def of(cls, text: str) -> "_Quoted":
        data = text.encode()
        return cls(quoted_printable(data), len(data), len(data) - len(data.translate(None, _FREQUENT)))


def _joined(pieces: Iterable[_Quoted]) -> _Quoted:
    texts, octets, frequent = zip(*pieces, strict=True)
    return _Quoted("".join(texts), sum(octets), sum(frequent))


def _quoted(lines: Sequence[str]) -> _Quoted:
    if len(lines) > MOST_LINES:
        return _Quoted.of("".join(lines))
    return _joined([_line(one) if len(one) <= KEPT_LINE else _Quoted.of(one) for one in lines])


@lru_cache(maxsize=1024)
def _line(line: str) -> _Quoted:
    """Most lines of a mail stand in other mails as well."""
    return _Quoted.of(line)


def cleaned(content: str) -> str:
    """Returns text with uniform line ends, without control characters and lone surrogates."""
    if content.replace("\n", "").isprintable():  # true of almost all texts, and quick to see
        return content.rstrip("\n") + "\n"
    if content.isascii() and "\r" not in content:
        return content.translate(_IN_ASCII).rstrip("\n") + "\n"
    lines = _LINE_ENDS.sub("\n", content)
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub("", lines)).rstrip("\n") + "\n"


def quoted_printable(data: bytes) -> str:
    """Encodes text as quoted-printable (RFC 2045) in lines of at most 76 characters."""
    encoded = binascii.b2a_qp(data).decode("ascii")
    if "=20\n" in encoded or "=09\n" in encoded:
        encoded = "\n".join(_broken(line) for line in encoded.split("\n"))
    return encoded.replace("\n", "\r\n")


def _broken(line: str) -> str:
    """Breaks a line that the library made too long by encoding the space at its end."""
    if len(line) <= QP_LINE:
        return line
    at = QP_LINE - 1
    while "=" in line[at - 2 : at]:
        at -= 1
    return f"{line[:at]}=\n{_broken(line[at:])}"


def _base64(data: bytes) -> str:
    lines = (binascii.b2a_base64(data[at : at + 57], newline=False) for at in range(0, len(data), 57))
    return b"\r\n".join(lines).decode("ascii") + "\r\n"
