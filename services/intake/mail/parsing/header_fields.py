"""Header fields as people wrote them: unfolded, encoded words decoded, parameters read, each within a limit."""

import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from services.intake.mail.parsing.charsets import ALONE, WIDE, CharsetContext, clean, codec_of, decode
from services.intake.mail.parsing.transfer_encoding import undo

MAX_FIELD = 16_384
"""Bytes of one field that are read."""
MAX_PARAMETERS = 64
_ONLY_IN_BODIES = WIDE | {"utf-7"}
_FOLD = re.compile(rb"\r?\n[ \t]*|\r")
_PARAMETER = re.compile(r"([^\s=;*\"]{1,80})(?:\*(\d{1,3}))?(\*)?\s*=\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Header:
    """All fields of a mail or part, in order: lower-case name, raw value."""

    fields: Sequence[tuple[str, bytes]]
    around: CharsetContext = ALONE

    def raw(self, name: str) -> bytes:
        """The first field of this name, or nothing."""
        return next(self.all_raw(name), b"")

    def all_raw(self, name: str) -> Iterator[bytes]:
        """Every field of this name."""
        return (value[:MAX_FIELD] for known, value in self.fields if known == name)

    def plain(self, name: str) -> str:
        """The first field of this name as one line, nothing decoded but its charset."""
        return unfolded(self.raw(name))

    def text(self, name: str, charset: str | None = None) -> str:
        """The first field of this name as one line with its encoded words decoded."""
        return words(self.unfolded(self.raw(name), charset, may_guess=True))

    def unfolded(self, raw: bytes, charset: str | None = None, *, may_guess: bool = False) -> str:
        """One of the values as one line."""
        return unfolded(raw, charset, may_guess=may_guess, around=self.around)

    def __contains__(self, name: str) -> bool:
        return any(known == name for known, _ in self.fields)


@dataclass(frozen=True, slots=True)
class Parameterised:
    """A field such as Content-Type: its value in lower case, and its parameters."""

    value: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def unfolded(raw: bytes, charset: str | None = None, *, may_guess: bool = False, around: CharsetContext = ALONE) -> str:
    """A raw field as one line; bytes beyond ASCII are read in the charset, if it is one that a header can be in."""
    line = _FOLD.sub(b" ", raw)
    if codec_of(charset) in _ONLY_IN_BODIES:
        charset = None
    return one_line(decode(line, charset, may_guess=may_guess, around=around).text)


def one_line(text: str) -> str:
    """Text without line ends, as it stands in a header."""
    return clean(text).replace("\n", " ").strip(" \t")


def words(line: str) -> str:
    """A line with its encoded words decoded; neighbours are joined before, for some split characters between them."""
    found: list[str] = []
    pending: list[tuple[str, bytes]] = []
    at = 0
    while (word := _next_word(line, at)) is not None:
        start, end, charset, content = word
        between = line[at:start]
        if between.strip() or not pending:
            found.extend((_joined(pending), between))
            pending = []
        pending.append((charset, content))
        at = end
    return one_line("".join((*found, _joined(pending), line[at:])))


def _next_word(line: str, at: int) -> tuple[int, int, str, bytes] | None:
    """Where the next encoded word begins and ends, its charset and its bytes."""
    while (start := line.find("=?", at)) >= 0:
        charset, _, rest = line[start + 2 : start + 102].partition("?")
        text_at = start + 2 + len(charset) + 3
        if len(rest) > 1 and rest[1] == "?" and rest[0] in "bBqQ" and charset and " " not in charset:
            if (end := line.find("?=", text_at)) < 0:
                return None
            content = _word_bytes(rest[0].lower(), line[text_at:end])
            return start, end + 2, charset.partition("*")[0], content
        at = start + 2
    return None


def _word_bytes(kind: str, text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    if kind == "b":
        return undo(data, "base64").content
    return binascii.a2b_qp(data, header=True)


def _joined(pending: Sequence[tuple[str, bytes]]) -> str:
    parts: list[str] = []
    at = 0
    while at < len(pending):
        charset = pending[at][0]
        end = at
        while end < len(pending) and pending[end][0].lower() == charset.lower():
            end += 1
        data = b"".join(content for _, content in pending[at:end])
        parts.append(decode(data, charset, may_guess=False).text)
        at = end
    return "".join(parts)


def parameterised(raw: bytes, charset: str | None = None) -> Parameterised:
    """A field's value and parameters: RFC 2231 and 2047 undone, quotes optional, first of two wins."""
    line = unfolded(raw, charset, may_guess=True)
    value, _, rest = line.partition(";")
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for name, number, is_extended, text in _parameters(rest):
        pieces.setdefault(name, []).append((number, is_extended, text))
    return Parameterised(
        value.split()[0].lower().strip("\"'") if value.split() else "",
        {name: _assembled(found) for name, found in pieces.items()},
    )


def _parameters(rest: str) -> Iterator[tuple[str, int, bool, str]]:
    at = 0
    for _ in range(MAX_PARAMETERS):
        if (found := _PARAMETER.search(rest, at)) is None:
            return
        text, at = _value(rest, found.end())
        yield found[1].lower(), int(found[2] or 0), bool(found[3]), text


def _value(rest: str, at: int) -> tuple[str, int]:
    """A parameter's value and where the next may begin; an unquoted one may hold spaces, as some senders write it."""
    if quoted := _QUOTED.match(rest, at):
        return _ESCAPED.sub(r"\1", quoted[1]), quoted.end()
    end = rest.find(";", at)
    end = len(rest) if end < 0 else end
    return rest[at:end].strip().strip('"'), end


def _assembled(pieces: list[tuple[int, bool, str]]) -> str:
    numbers = {number for number, _, _ in pieces}
    ordered = sorted(pieces, key=lambda piece: piece[0]) if len(numbers) == len(pieces) else pieces[:1]
    if not any(is_extended for _, is_extended, _ in ordered):
        return words("".join(text for _, _, text in ordered))
    charset, data = "", b""
    for position, (_, is_extended, text) in enumerate(ordered):
        if is_extended and position == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data += unquote_to_bytes(text) if is_extended else text.encode("utf-8", "surrogateescape")
    return one_line(decode(data, charset or None, may_guess=False).text)
