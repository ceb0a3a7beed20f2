"""Undoes a part's transfer encoding, however badly it was applied."""

import binascii
import re
from dataclasses import dataclass

_NOT_BASE64 = bytes(
    byte for byte in range(256) if not (chr(byte).isascii() and (chr(byte).isalnum() or byte in b"+/="))
)
_WHITE = b" \t\r\n\x0b\x0c\0"
_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} ([^\r\n]{1,255})\r?\n", re.MULTILINE)
_CODED_LINES = re.compile(rb"(?:[A-Za-z0-9+/]{4,1000}+={0,2}[ \t\r]*+\n[\r\n]*+)++")
_WORDS = re.compile(rb"[A-Za-z]{2,40} [A-Za-z]{2,40}")
MAX_UU_FILES = 50
MAX_PADDING = 10_000
"""Equals signs in base64, of which an honest one has two; some senders put several together."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """The bytes that were meant, and what was wrong on the way."""

    content: bytes
    defect: str = ""
    after: bytes = b""
    """Words that somebody put below the encoded lines, as mailing lists do."""


@dataclass(frozen=True, slots=True)
class UuFile:
    """A file written into the text of a mail."""

    name: bytes
    content: bytes


def undo(data: bytes, encoding: str) -> Transferred:
    """The content of a part; an encoding that is unknown, or not really applied, leaves the bytes as they are."""
    match re.sub(r"[^a-z0-9]+|^x-", "", re.split(r"[;,]", encoding.lower(), maxsplit=1)[0]):
        case "" | "7bit" | "8bit" | "7bits" | "8bits" | "binary" | "plain" | "none" | "text":
            return Transferred(data)
        case "base64":
            return _from_base64(data)
        case "quotedprintable":
            return Transferred(binascii.a2b_qp(data))
        case "uuencode" | "uue":
            return _from_uu(data)
    return Transferred(data, f"unknown transfer encoding {encoding.strip()[:40]!r}")


def uu_files(data: bytes) -> tuple[bytes, list[UuFile]]:
    """A text without the files that stand in it uuencoded, and those files."""
    kept: list[bytes] = []
    files: list[UuFile] = []
    at = 0
    for _ in range(MAX_UU_FILES):
        if (begin := _UU_BEGIN.search(data, at)) is None:
            break
        content, end = _uu_lines(data, begin.end())
        if end is None:
            kept.append(data[at : begin.end()])
            at = begin.end()
            continue
        kept.append(data[at : begin.start()])
        files.append(UuFile(begin[1].strip(), content))
        at = end
    return b"".join([*kept, data[at:]]), files


def _from_base64(data: bytes) -> Transferred:
    """Decodes all lines that are base64; words below them are no part of it."""
    coded = _CODED_LINES.match(data)
    if coded is not None and _WORDS.search(data, coded.end()) and len(coded[0].translate(None, _WHITE)) % 4 == 0:
        return Transferred(_decoded_base64(coded[0]).content, "words below base64", data[coded.end() :].strip())
    return _decoded_base64(data)


def _decoded_base64(data: bytes) -> Transferred:
    packed = data.translate(None, _WHITE)
    clean = packed.translate(None, _NOT_BASE64)
    strange = len(packed) - len(clean)
    if strange * 50 > len(packed):
        return Transferred(data, "declared as base64, but it is not")
    if clean.count(b"=") > MAX_PADDING:
        return Transferred(data, "base64 in too many pieces")
    pieces = [piece for piece in re.split(rb"=+", clean) if piece]
    content = b"".join(binascii.a2b_base64(_padded(piece)) for piece in pieces)
    is_whole = not strange and all(len(piece) % 4 != 1 for piece in pieces)
    return Transferred(content, "" if is_whole else "damaged base64")


def _padded(piece: bytes) -> bytes:
    """Four characters make three bytes; one left over makes none."""
    whole = piece[:-1] if len(piece) % 4 == 1 else piece
    return whole + b"=" * (-len(whole) % 4)


def _from_uu(data: bytes) -> Transferred:
    if not data.strip():
        return Transferred(b"")
    rest, files = uu_files(data)
    if len(files) == 1:
        return Transferred(files[0].content, "" if not rest.strip() else "text around a uuencoded file")
    return Transferred(data, "declared as uuencoded, but it is not")


def _uu_lines(data: bytes, start: int) -> tuple[bytes, int | None]:
    """The decoded lines up to `end`, and where the text goes on after it; None where this is no such file."""
    decoded: list[bytes] = []
    at = start
    while at < len(data):
        stop = data.find(b"\n", at)
        stop = len(data) if stop < 0 else stop
        line = data[at:stop].rstrip(b"\r")
        at = stop + 1
        if line == b"end":
            return b"".join(decoded), min(at, len(data))
        if not line or len(line) > 90:
            return b"", None
        try:
            decoded.append(binascii.a2b_uu(line))
        except binascii.Error:
            if (repaired := _uu_repaired(line)) is None:
                return b"", None
            decoded.append(repaired)
    return b"", None


def _uu_repaired(line: bytes) -> bytes | None:
    """Some writers leave rubbish after a line's bytes."""
    count = (((line[0] - 32) & 63) * 4 + 5) // 3
    try:
        return binascii.a2b_uu(line[:count])
    except binascii.Error:
        return None
