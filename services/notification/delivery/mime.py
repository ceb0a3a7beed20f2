"""MIME multipart/alternative bodies in quoted-printable."""

import binascii
import hashlib
import re

QP_LINE = 76
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_FREQUENT = b"aeinorst \n"
"""Bytes of which most texts in Latin letters have more than a fourth."""
_IN_ASCII = {**dict.fromkeys((*range(0x20), 0x7F)), 0x09: "\t", 0x0A: "\n", 0x0B: "\n", 0x0C: "\n"}
"""The same in plain text, which most of ours is: a table is faster than three searches."""
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def alternatives(text: str, html: str, seed: str) -> str:
    """Returns header fields and body of multipart/alternative; the same texts and seed give the same bytes.

    A boundary with `=_` stands in no encoded part: there `=` is followed by hexadecimal digits or a line end.
    """
    boundary = f"=_{hashlib.sha256(seed.encode()).hexdigest()[:32]}"
    return (
        f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'
        f"--{boundary}\r\n{_part('plain', text)}\r\n--{boundary}\r\n{_part('html', html)}\r\n--{boundary}--\r\n"
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


def _part(subtype: str, content: str) -> str:
    data = cleaned(content).encode()
    is_mostly_plain = (len(data) - len(data.translate(None, _FREQUENT))) * 4 > len(data)
    encoding = "quoted-printable" if is_mostly_plain else "base64"
    body = quoted_printable(data) if is_mostly_plain else _base64(data)
    return f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}'


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
    lines = encoded.split("\n")
    if max(map(len, lines)) > QP_LINE:
        encoded = "\n".join(_broken(line) for line in lines)
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
