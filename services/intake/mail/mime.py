"""A mail's tree of parts, found by one bounded walk over its bytes that no mail can break, slow down or blow up."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.intake.mail.fields import Header, Parameterised, parameterised
from services.intake.mail.transfer import Transferred, undo

MAX_DEPTH = 20
"""Multiparts inside each other that are opened; a deeper one stays closed and is one file."""
MAX_PARTS = 250
"""Parts of a whole mail that are opened; what follows stays together and is one file."""
MAX_HEADER = 262_144
"""Bytes of one header that are read."""
MAX_FIELDS = 1_000
_END_OF_HEADER = re.compile(rb"\n\r?\n")
_FIELD = re.compile(rb"([!-9;-~]{1,76})[ \t]*:[ \t]*")
_WELL_KNOWN = re.compile(
    rb"\n(?:from|to|subject|date|message-id|mime-version|content-type|content-transfer-encoding|received)[ \t]*:", re.I
)
_GUESSED = re.compile(rb"\n--([^\r\n]{1,200}?)[ \t]*\r?\ncontent-", re.IGNORECASE)
_STATED_PREAMBLE = re.compile(rb"multi-?part|mime", re.IGNORECASE)


@dataclass(slots=True)
class Part:
    """One part: its header, and where its body stands in the mail."""

    raw: bytes
    header: Header
    start: int
    end: int
    content_type: Parameterised
    disposition: Parameterised
    children: Sequence["Part"] = ()
    loose: list[bytes] = field(default_factory=list)
    """Text before the first and after the last part of a multipart that is no mere remark of the mail program."""

    @property
    def media_type(self) -> str:
        """Of the form `text/plain`, as declared; what is declared badly is plain text, as the standard has it."""
        value = self.content_type.value
        main, _, sub = value.partition("/")
        return value if main and sub else "text/plain"

    @property
    def is_multipart(self) -> bool:
        """Whether it was opened into parts."""
        return bool(self.children)

    def body(self) -> bytes:
        """As it stands in the mail."""
        return self.raw[self.start : self.end]

    def content(self) -> Transferred:
        """The body with its transfer encoding undone."""
        return undo(self.body(), self.header.plain("content-transfer-encoding"))


@dataclass(slots=True)
class _Walk:
    """What one walk may still open, and what it met."""

    raw: bytes
    parts_left: int = MAX_PARTS
    defects: list[str] = field(default_factory=list)

    def part(self, start: int, end: int, depth: int) -> Part:
        """The part between two places, opened as far as allowed."""
        self.parts_left -= 1
        header, body = self.header(start, end)
        content_type = parameterised(header.raw("content-type"))
        disposition = parameterised(header.raw("content-disposition"))
        part = Part(self.raw, header, body, end, content_type, disposition)
        if part.media_type.startswith("multipart/"):
            self.open(part, depth)
        return part

    def header(self, start: int, end: int) -> tuple[Header, int]:
        """The fields from `start` on, and where the body begins."""
        if self.raw.startswith((b"\n", b"\r\n"), start, end):
            return Header(()), min(end, start + (1 if self.raw[start] == 10 else 2))
        found = _END_OF_HEADER.search(self.raw, start, end)
        stop, body = (found.start() + 1, found.end()) if found else (end, end)
        if stop - start > MAX_HEADER:
            self.defects.append("a header too long to be read whole")
        fields, at = self.fields(start, min(stop, start + MAX_HEADER))
        return Header(fields), body if at is None else at

    def fields(self, start: int, stop: int) -> tuple[list[tuple[str, bytes]], int | None]:
        """The fields of a header; and, where a line breaks it off, the place of that line: the text begins there."""
        fields: list[tuple[str, bytes]] = []
        at = start
        while at < stop and len(fields) < MAX_FIELDS:
            line_end = self.line_end(at, stop)
            while line_end < stop and self.raw[line_end] in b" \t":
                line_end = self.line_end(line_end, stop)
            if name := _FIELD.match(self.raw, at, line_end):
                fields.append((name[1].decode().lower(), self.raw[name.end() : line_end].rstrip(b"\r\n")))
            elif not self.raw.startswith((b"From ", b">From "), at):
                self.defects.append("a line in the header that is no field")
                if not _WELL_KNOWN.search(self.raw, line_end - 1, stop):
                    return fields, at
            at = line_end
        return fields, None

    def line_end(self, at: int, stop: int) -> int:
        """Where the next line begins."""
        found = self.raw.find(b"\n", at, stop)
        return stop if found < 0 else found + 1

    def open(self, part: Part, depth: int) -> None:
        """Gives a multipart its children."""
        boundary = part.content_type.parameters.get("boundary", "").encode("utf-8", "surrogateescape")
        if depth >= MAX_DEPTH:
            self.defects.append("parts nested too deeply")
            return
        spans = list(self.spans(part, boundary)) if boundary else []
        if not spans and (guessed := _GUESSED.search(self.raw, part.start - 1, part.end)):
            self.defects.append("a boundary that is missing or wrong")
            spans = list(self.spans(part, guessed[1]))
        if not spans:
            self.defects.append("a multipart without parts")
            return
        part.children = [self.part(start, end, depth + 1) for start, end in spans]

    def spans(self, part: Part, boundary: bytes) -> Iterator[tuple[int, int]]:
        """Where the parts between a boundary's lines stand; the last one may be unended."""
        line = re.compile(rb"\n--" + re.escape(boundary) + rb"(--)?[ \t]*\r?(?=\n|\Z)")
        start: int | None = None
        last_end = part.start
        for found in line.finditer(self.raw, part.start - 1, part.end):
            end = found.start() - (self.raw[found.start() - 1 : found.start()] == b"\r")
            if start is not None and start <= end:
                yield start, end
            elif start is None:
                self.loose(part, last_end, end)
            if self.parts_left <= 1:
                break
            start = None if found[1] else min(found.end() + 1, part.end)
            last_end = min(found.end() + 1, part.end)
        if start is not None:
            self.defects.append("a last part without its end")
            yield start, part.end
        elif last_end > part.start:
            self.loose(part, last_end, part.end)

    def loose(self, part: Part, start: int, end: int) -> None:
        """Keeps what stands outside the parts."""
        text = self.raw[start:end].strip() if end > start else b""
        if text and not (len(text) < 500 and _STATED_PREAMBLE.search(text)):
            self.defects.append("text outside the parts")
            part.loose.append(text)


def parse(raw: bytes) -> tuple[Part, list[str]]:
    """The whole mail as a part, and what was wrong with its form."""
    if b"\n" not in raw and b"\r" in raw:
        raw = raw.replace(b"\r", b"\n")
    start = len(raw) - len(raw.lstrip(b"\r\n\0 \t")) if raw[:1] in (b"\r", b"\n", b"\0") else 0
    walk = _Walk(raw)
    return walk.part(start, len(raw), 0), walk.defects
