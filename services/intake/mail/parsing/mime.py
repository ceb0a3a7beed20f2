"""A mail's tree of parts, found by one bounded walk over its bytes that no mail can break, slow down or blow up."""

import re
from dataclasses import dataclass, field
from itertools import islice, zip_longest

from services.intake.mail.parsing.header_fields import Header, Parameterised, parameterised
from services.intake.mail.parsing.transfer_encoding import Transferred, undo

MAX_DEPTH = 20
"""Multiparts inside each other that are opened; a deeper one stays closed and is one file."""
MAX_PARTS = 250
"""Parts of a whole mail that are opened; what follows stays together and is one file."""
MAX_HEADER = 262_144
"""Bytes of one header that are read."""
MAX_FIELDS = 1_000
LONG_HEADER = "a header too long to be read whole"
_END_OF_HEADER = re.compile(rb"\n\r?\n")
_FIELD = re.compile(rb"([!-9;-~]{1,76})[ \t]*:[ \t]*")
_WELL_KNOWN = re.compile(
    rb"\n(?:from|to|subject|date|message-id|mime-version|content-type|content-transfer-encoding|received)[ \t]*:", re.I
)
_GUESSED = re.compile(rb"\n--([^\r\n]{1,200}?)[ \t]*\r?\ncontent-", re.IGNORECASE)
_REMARK = re.compile(
    rb"^.{0,200}(?:multi-?part|\bmime\b|mail reader|mail client|legible|this format|\brfc ?\d).{0,200}$", re.I | re.M
)
MAX_LOOSE = 65_536
"""Bytes outside the parts that are read as text; more than that is one file."""
GUESSING = 65_536
"""Bytes of a multipart in which a boundary is looked for that its header does not name."""
CR = 13


@dataclass(slots=True)
class MimePart:
    """One part: its header, and where its body stands in the mail."""

    raw: bytes
    begin: int
    header: Header
    start: int
    end: int
    content_type: Parameterised
    disposition: Parameterised
    children: list["MimePart"] = field(default_factory=list)
    is_closed: bool = False
    """A multipart that was not opened, because it lies too deep or there are too many."""
    before: bytes = b""
    after: bytes = b""
    """Text before the first and after the last part, but for remarks of mail programs."""
    outside: list[tuple[int, int]] = field(default_factory=list)
    """Where there is more outside the parts than is read as text."""

    @property
    def media_type(self) -> str:
        """Of the form `text/plain`, as declared; what is declared badly is plain text, as the standard has it."""
        main, _, sub = self.content_type.value.partition("/")
        is_void = main == "multipart" and not self.children and not self.is_closed
        return self.content_type.value if main and sub and not is_void else "text/plain"

    @property
    def is_multipart(self) -> bool:
        """Whether it was opened into parts."""
        return bool(self.children)

    def body(self) -> bytes:
        """As it stands in the mail."""
        return self.raw[self.start : self.end]

    def content(self) -> Transferred:
        """The body with its transfer encoding undone; a multipart that is one file keeps its header."""
        if self.is_closed:
            return Transferred(self.raw[self.begin : self.end])
        return undo(self.body(), self.header.plain("content-transfer-encoding"))


@dataclass(slots=True)
class _Walk:
    """What one walk may still open, and what it met."""

    raw: bytes
    parts_left: int = MAX_PARTS
    defects: list[str] = field(default_factory=list)

    def part(self, start: int, end: int, depth: int, charset: str | None = None) -> MimePart:
        """The part between two places, opened as far as allowed; `charset` is what the multipart around it names."""
        self.parts_left -= 1
        header, body = self.header(start, end)
        content_type = parameterised(header.raw("content-type"))
        charset = content_type.parameters.get("charset") or charset
        if charset and not header.raw("content-type").isascii():
            content_type = parameterised(header.raw("content-type"), charset)
        disposition = parameterised(header.raw("content-disposition"), charset)
        part = MimePart(self.raw, start, header, body, end, content_type, disposition)
        if content_type.value.startswith("multipart/"):
            self.open(part, depth, charset)
        return part

    def header(self, start: int, end: int) -> tuple[Header, int]:
        """The fields from `start` on, and where the body begins."""
        if self.raw.startswith((b"\n", b"\r\n"), start, end):
            return Header(()), min(end, start + (2 if self.raw[start] == CR else 1))
        found = _END_OF_HEADER.search(self.raw, start, end)
        stop, body = (found.start() + 1, found.end()) if found else (end, end)
        if stop - start > MAX_HEADER:
            self.defects.append(LONG_HEADER)
        fields, at = self.fields(start, min(stop, start + MAX_HEADER))
        return Header(fields), body if at is None else at

    def fields(self, start: int, stop: int) -> tuple[list[tuple[str, bytes]], int | None]:
        """The fields of a header; and, where a line breaks it off, the place of that line: the text begins there."""
        fields: list[tuple[str, bytes]] = []
        at = start
        last = max((found.start() for found in _WELL_KNOWN.finditer(self.raw, start, stop)), default=-1)
        while at < stop and len(fields) < MAX_FIELDS:
            line_end = self.line_end(at, stop)
            while line_end < stop and self.raw[line_end] in b" \t":
                line_end = self.line_end(line_end, stop)
            if name := _FIELD.match(self.raw, at, line_end):
                fields.append((name[1].decode().lower(), self.raw[name.end() : line_end].rstrip(b"\r\n")))
            elif not self.raw.startswith((b"From ", b">From "), at):
                self.defects.append("a line in the header that is no field")
                if last < line_end - 1:
                    return fields, at
            at = line_end
        if at < stop:
            self.defects.append(LONG_HEADER)
        return fields, None

    def line_end(self, at: int, stop: int) -> int:
        """Where the next line begins."""
        found = self.raw.find(b"\n", at, stop)
        return stop if found < 0 else found + 1

    def open(self, part: MimePart, depth: int, charset: str | None) -> None:
        """Gives a multipart its children."""
        boundary = part.content_type.parameters.get("boundary", "").encode("utf-8", "surrogateescape")
        if depth >= MAX_DEPTH or self.parts_left <= 0:
            self.defects.append("more parts, or parts nested deeper, than are opened")
            part.is_closed = True
            return
        spans = self.spans(part, boundary) if boundary else []
        if not spans and (guessed := _GUESSED.search(self.raw, part.start - 1, min(part.end, part.start + GUESSING))):
            self.defects.append("a boundary that is missing or wrong")
            spans = self.spans(part, guessed[1])
        if not spans:
            self.defects.append("a multipart without parts")
        opened = self.parts_left
        part.children = [self.part(start, end, depth + 1, charset) for start, end in spans[:opened]]
        if len(spans) > opened:
            self.defects.append("more parts than are opened")
            part.children.append(self.rest(spans[opened][0], part.end))
        part.children.extend(self.rest(start, end) for start, end in part.outside)

    def rest(self, start: int, end: int) -> MimePart:
        """What is not opened, as one part."""
        return MimePart(
            self.raw, start, Header(()), start, end, Parameterised("multipart/mixed"), Parameterised(""), is_closed=True
        )

    def spans(self, part: MimePart, boundary: bytes) -> list[tuple[int, int]]:
        """Where the parts between a boundary's lines stand, at most one more than may be opened."""
        line = re.compile(rb"\n--" + re.escape(boundary) + rb"(--)?[ \t]*\r?(?=\n|\Z)")
        found = list(islice(line.finditer(self.raw, part.start - 1, part.end), self.parts_left + 2))
        if not found:
            return []
        spans: list[tuple[int, int]] = []
        part.before = self.loose(part, part.start, found[0].start())
        for this, following in zip_longest(found, found[1:]):
            start = min(this.end() + 1, part.end)
            end = self.before_line_end(following.start()) if following else part.end
            if this[1]:
                part.after += self.loose(part, start, end)
            else:
                spans.append((start, max(start, end)))
        if not found[-1][1]:
            self.defects.append("a last part without its end")
        return spans

    def before_line_end(self, at: int) -> int:
        """The end of what stands before the line feed at a place."""
        return at - 1 if at and self.raw[at - 1] == CR else at

    def loose(self, part: MimePart, start: int, end: int) -> bytes:
        """What people wrote outside the parts."""
        if end - start > MAX_LOOSE:
            self.defects.append("much outside the parts, kept as a file")
            part.outside.append((start, end))
            return b""
        text = self.raw[start:end].strip() if end > start else b""
        if text and (text := _REMARK.sub(b"", text).strip()):
            self.defects.append("text outside the parts")
        return text


def first_charset(part: MimePart) -> str | None:
    """The charset of the first text that names one; the header was probably written in it too."""
    if named := part.content_type.parameters.get("charset"):
        return named
    return next((found for child in part.children if (found := first_charset(child))), None)


def parse(raw: bytes) -> tuple[MimePart, list[str]]:
    """The whole mail as a part, and what was wrong with its form."""
    if b"\n" not in raw and b"\r" in raw:
        raw = raw.replace(b"\r", b"\n")
    start = len(raw) - len(raw.lstrip(b"\r\n\0 \t")) if raw[:1] in (b"\r", b"\n", b"\0") else 0
    walk = _Walk(raw)
    return walk.part(start, len(raw), 0), walk.defects
