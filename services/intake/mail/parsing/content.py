"""What of a mail is shown, what is kept for those who ask for it, and what becomes a file because it is too much."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.intake.mail.parsing.body_parts import LONG_TEXT, BodySection, Gathered, joined_html, joined_text
from services.intake.mail.parsing.html_parser import ReadHtml, read_html
from services.intake.mail.parsing.html_sanitizer import is_digestible, own_pictures
from services.intake.mail.parsing.lines import ANSWER, Cutting
from services.intake.mail.parsing.mail_attachments import MailAttachment
from services.intake.mail.parsing.mime import MimePart
from services.intake.mail.parsing.quotes import Cut, cut
from shared.kit.http.inputs import MAX_TEXT
from shared.kit.user_content.limits import stripped

MAX_QUOTED = MAX_TEXT // 2
"""Bytes of quoted text that are kept with the message."""
SAME = 0.5
"""Share of the words of the plain text that the HTML must say too, to be the same text."""
_WORD = re.compile(r"\w{3,40}")


@dataclass(frozen=True, slots=True)
class MailContent:
    """The mail's body and files."""

    text: str
    html: str | None
    quoted: str
    files: tuple[MailAttachment, ...]
    whole: str
    """All of its text, for those who look for Message-IDs in it."""


def content_of(root: MimePart, defects: list[str], cutting: Cutting = ANSWER) -> MailContent:
    """Everything in a mail but its header."""
    gathered = Gathered(defects=defects, around=root.header.around)
    sections = gathered.sections(root)
    shown = _html(sections, gathered, cutting)
    if shown is not None:
        return _content(Cut(shown.text, _quoted(shown.quoted, gathered)), shown.html, gathered)
    return _content(_cut_within_limits(_plain(sections, gathered), gathered, cutting), None, gathered)


def _html(sections: Sequence[BodySection], gathered: Gathered, cutting: Cutting) -> ReadHtml | None:
    """The mail as HTML, if it has any that can be shown."""
    html = joined_html(sections)
    if html is None or not is_digestible(html):
        return None
    read = read_html(html, cutting)
    if read.is_blank and not read.quoted:
        return None
    if len(read.html.encode()) > MAX_TEXT:
        return None
    if read.blocked:
        gathered.defects.append(f"{read.blocked} pictures from elsewhere left out")
    _keep_another_text(joined_text([one for one in sections if one.html is not None]), read, gathered)
    return read


def _keep_another_text(plain: str, read: ReadHtml, gathered: Gathered) -> None:
    """The plain text becomes a file if it says something else than the HTML does."""
    words = set(_WORD.findall(plain.casefold()))
    known = set(_WORD.findall(f"{read.text} {read.quoted}".casefold()))
    if len(words) > 3 and len(words & known) < SAME * len(words):
        gathered.defects.append("the plain text says something else than the HTML, kept as a file")
        gathered.files.append(MailAttachment("plain-text.txt", "text/plain", plain.encode()))


def _plain(sections: Sequence[BodySection], gathered: Gathered) -> str:
    """The mail as text; HTML that cannot be shown is kept as a file, and read as text where there is no other."""
    html = joined_html(sections)
    text = joined_text(sections)
    if html is None:
        return text
    said = stripped(html[: 2 * MAX_TEXT])
    if said or "<img" in html:
        gathered.defects.append("HTML too large or too deeply nested to be shown, kept as a file")
        gathered.files.append(MailAttachment("message.html", "text/html", html.encode()))
    return text if text.strip() else said


def _cut_within_limits(text: str, gathered: Gathered, cutting: Cutting) -> Cut:
    head = _head(text, MAX_TEXT)
    parted = cut(head, cutting)
    if len(head) < len(text):
        gathered.defects.append(LONG_TEXT)
        gathered.files.append(MailAttachment("message.txt", "text/plain", text.encode()))
    return Cut(parted.visible, _quoted(parted.quoted, gathered))


def _quoted(text: str, gathered: Gathered) -> str:
    """What is quoted, as much as is kept with the message; all of it is a file if that is not all."""
    head = _head(text, MAX_QUOTED)
    if len(head) < len(text):
        gathered.defects.append("a quote too long to be kept whole, kept as a file")
        gathered.files.append(MailAttachment("quoted.txt", "text/plain", text.encode()))
    return head


def _head(text: str, limit: int) -> str:
    """As much of a text as fits into a number of bytes."""
    return text if len(text) * 4 <= limit else text.encode()[:limit].decode("utf-8", "ignore")


def _content(parted: Cut, html: str | None, gathered: Gathered) -> MailContent:
    pictures = own_pictures(html) if html else frozenset()
    files = tuple(replace(one, is_inline=one.content_id in pictures) for one in gathered.files)
    return MailContent(parted.visible, html, parted.quoted, files, f"{parted.visible}\n{parted.quoted}")
