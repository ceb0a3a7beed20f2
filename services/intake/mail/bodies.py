"""Which parts of a mail are its text and which are files: nothing is left out, and neither is anything shown twice."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from services.intake.mail.charsets import Decoded, clean, decode
from services.intake.mail.files import MailFile, declared_name, file_of, safe_name
from services.intake.mail.mime import Part
from services.intake.mail.transfer import uu_files

MAX_BODY = 1_048_576
"""Bytes of one text part beyond which it is a file."""
_PLAIN = frozenset({"text/plain", "text/enriched", "text/richtext"})
_ENRICHED = re.compile(r"<(?!<)/?[a-zA-Z-]{1,60}>")


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of the mail's text, in one or both ways of writing."""

    text: str | None = None
    html: str | None = None


@dataclass(slots=True)
class Gathered:
    """What the walk over a mail's parts found."""

    files: list[MailFile] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)

    def sections(self, part: Part) -> list[Section]:
        """The text of a part and its children; what is no text joins the files."""
        if part.is_multipart:
            found = [self.sections(child) for child in part.children]
            loose = [Section(text=self.decoded(text, part).text) for text in part.loose]
            if part.media_type == "multipart/alternative":
                return [*_alternative([section for sections in found for section in sections]), *loose]
            return [section for sections in (*found, loose) for section in sections]
        if not _is_text(part):
            self.files.append(file_of(part, len(self.files) + 1, self.defects))
            return []
        return self.text(part)

    def text(self, part: Part) -> list[Section]:
        """A text part as a section; files written into it come out."""
        transferred = part.content()
        if transferred.defect:
            self.defects.append(transferred.defect)
        content, written = (
            uu_files(transferred.content) if part.media_type == "text/plain" else (transferred.content, [])
        )
        self.files.extend(
            MailFile(safe_name(decode(one.name, None).text) or "file", "application/octet-stream", one.content)
            for one in written
        )
        if len(content) > MAX_BODY:
            self.defects.append("a text too long to be shown, kept as a file")
            self.files.append(file_of(part, len(self.files) + 1, self.defects))
            content = content[: MAX_BODY // 4]
        text = clean(self.decoded(content, part).text)
        match part.media_type:
            case "text/html":
                return [Section(html=text)]
            case "text/enriched" | "text/richtext":
                return [Section(text=_ENRICHED.sub("", text).replace("<<", "<"))]
        return [Section(text=text)]

    def decoded(self, data: bytes, part: Part) -> Decoded:
        """A part's bytes as text."""
        declared = part.content_type.parameters.get("charset")
        decoded = decode(data, declared)
        if not decoded.is_as_declared:
            self.defects.append(f"charset {(declared or 'none')[:40]!r} read as {decoded.charset}")
        return decoded


def _is_text(part: Part) -> bool:
    """Text without a name that is not meant as a file."""
    if part.disposition.value == "attachment" or declared_name(part):
        return False
    return part.media_type in _PLAIN or part.media_type == "text/html"


def _alternative(sections: Iterable[Section]) -> list[Section]:
    """Several ways of writing the same are one section."""
    found = list(sections)
    texts = [one.text for one in found if one.text is not None]
    htmls = [one.html for one in found if one.html is not None]
    if not found:
        return []
    return [Section("\n".join(texts) if texts else None, "\n".join(htmls) if htmls else None)]


def joined_html(sections: Sequence[Section]) -> str | None:
    """The whole mail as HTML, or None if no part of it is."""
    if not any(section.html and section.html.strip() for section in sections):
        return None
    return "\n".join(one.html if one.html is not None else _as_html(one.text or "") for one in sections)


def joined_text(sections: Sequence[Section]) -> str:
    """The whole mail as text, as far as it was written as text."""
    return "\n".join(one.text for one in sections if one.text is not None)


def _as_html(text: str) -> str:
    return f"<div>{'<br>'.join(escape(line) for line in text.splitlines())}</div>" if text.strip() else ""
