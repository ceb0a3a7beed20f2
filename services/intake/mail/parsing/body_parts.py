"""Which parts of a mail are its text and which are files: nothing is left out, and neither is anything shown twice."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from services.intake.mail.parsing.charsets import ALONE, CharsetContext, clean, decode
from services.intake.mail.parsing.flowed_text import unflowed
from services.intake.mail.parsing.html_sanitizer import MAX_PICTURES, Pictures
from services.intake.mail.parsing.mail_attachments import MailAttachment, declared_name, file_of, safe_name
from services.intake.mail.parsing.mime import MimePart
from services.intake.mail.parsing.transfer_encoding import uu_files
from shared.kit.http.inputs import MAX_TEXT
from shared.kit.user_content.limits import MAX_HTML, stripped

MAX_TEXTS = 50
"""Text parts of one mail that are shown; further ones are files."""
LONG_TEXT = "a text too long to be shown whole, kept as a file"
_PLAIN = frozenset({"text/plain", "text/enriched", "text/richtext"})
_ENRICHED = re.compile(r"<(?!<)/?[a-zA-Z-]{1,60}>")


@dataclass(frozen=True, slots=True)
class BodySection:
    """A piece of the mail's text, in one or both ways of writing."""

    text: str | None = None
    html: str | None = None
    stripped: str = ""
    """Of HTML too long to be read: its beginning as text, for want of better."""


@dataclass(slots=True)
class Gathered:
    """What the walk over a mail's parts found."""

    files: list[MailAttachment] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    texts: int = 0
    around: CharsetContext = ALONE

    def sections(self, part: MimePart, *, is_alternative: bool = False) -> list[BodySection]:
        """The text of a part and its children; what is no text joins the files."""
        if part.children:
            is_choice = part.media_type == "multipart/alternative"
            found = [one for child in part.children for one in self.sections(child, is_alternative=is_choice)]
            if is_choice:
                found = _alternative(found)
            return [*self.loose(part.before, part), *found, *self.loose(part.after, part)]
        if not _is_text(part, is_alternative) or self.texts >= MAX_TEXTS:
            self.files.append(file_of(part, len(self.files) + 1, self.defects))
            return []
        self.texts += 1
        return [*self.text(part), *self.loose(part.content().after, part)]

    def loose(self, data: bytes, part: MimePart) -> list[BodySection]:
        """Text outside the parts."""
        return [BodySection(text=self.decoded(data, part))] if data else []

    def text(self, part: MimePart) -> list[BodySection]:
        """A text part as a section; files written into it come out, and what is too long to show becomes one."""
        transferred = part.content()
        if transferred.defect:
            self.defects.append(transferred.defect)
        is_html = part.media_type == "text/html"
        content = transferred.content if is_html else self.without_uu_files(transferred.content)
        if len(content) > (MAX_HTML if is_html else MAX_TEXT):
            self.defects.append(LONG_TEXT)
            self.files.append(file_of(part, len(self.files) + 1, self.defects))
            text = self.decoded(content[:MAX_TEXT], part)
            return [BodySection(stripped=stripped(text)) if is_html else BodySection(text=text)]
        text = self.decoded(content, part)
        if is_html:
            pictures = Pictures()
            html = pictures.take_out(text)
            self.files.extend(pictures.files)
            if len(pictures.files) == MAX_PICTURES:
                self.defects.append("HTML with too many pictures in it, kept as a file")
                self.files.append(file_of(part, len(self.files) + 1, self.defects))
            return [BodySection(html=html)]
        if part.content_type.parameters.get("format", "").lower() == "flowed":
            text = unflowed(text, is_delsp=part.content_type.parameters.get("delsp", "").lower() == "yes")
        is_enriched = part.media_type != "text/plain"
        return [BodySection(text=_ENRICHED.sub("", text).replace("<<", "<") if is_enriched else text)]

    def without_uu_files(self, content: bytes) -> bytes:
        """A text without the files written into it."""
        rest, files = uu_files(content)
        for one in files:
            name = safe_name(decode(one.name, None, may_guess=False).text) or f"attachment-{len(self.files) + 1}.bin"
            self.files.append(MailAttachment(name, "application/octet-stream", one.content))
        return rest

    def decoded(self, data: bytes, part: MimePart) -> str:
        """A part's bytes as clean text."""
        declared = part.content_type.parameters.get("charset")
        decoded = decode(data, declared, around=self.around)
        if not decoded.is_as_declared:
            self.defects.append(f"charset {(declared or 'none')[:40]!r} read as {decoded.charset}")
        return clean(decoded.text)


def _is_text(part: MimePart, is_alternative: bool) -> bool:  # noqa: FBT001 - private
    """Text that is not meant as a file. One with a name is, unless it is one way of several to write the same."""
    if part.is_closed or part.disposition.value == "attachment" or (declared_name(part) and not is_alternative):
        return False
    return part.media_type in _PLAIN or part.media_type == "text/html"


def _alternative(sections: Iterable[BodySection]) -> list[BodySection]:
    """Several ways of writing the same are one section."""
    found = list(sections)
    texts = [one.text for one in found if one.text is not None]
    htmls = [one.html for one in found if one.html is not None]
    rest = "" if texts else "\n".join(one.stripped for one in found)
    return (
        [BodySection("\n".join(texts) if texts else None, "\n".join(htmls) if htmls else None, rest)] if found else []
    )


def joined_html(sections: Sequence[BodySection]) -> str | None:
    """The whole mail as HTML, or None if no part of it is."""
    if not any(section.html and section.html.strip() for section in sections):
        return None
    return "\n".join(one.html if one.html is not None else _as_html(one.text or one.stripped) for one in sections)


def joined_text(sections: Sequence[BodySection]) -> str:
    """The whole mail as text, as far as it was written as text."""
    return "\n".join(one.text or one.stripped for one in sections if one.text is not None or one.stripped)


def _as_html(text: str) -> str:
    return f"<div>{'<br>'.join(escape(line) for line in text.splitlines())}</div>" if text.strip() else ""
