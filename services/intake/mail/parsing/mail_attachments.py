"""The files that come with a mail: every part that is not its text, with a name that is safe to show."""

import mimetypes
import re
from dataclasses import dataclass

from services.intake.mail.parsing.mime import MimePart

MAX_NAME = 200
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f]+")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}")
_NAMES = {
    "message/rfc822": ("message", ".eml"),
    "message/delivery-status": ("delivery-status", ".txt"),
    "message/disposition-notification": ("receipt", ".txt"),
    "text/rfc822-headers": ("header", ".txt"),
    "text/calendar": ("invitation", ".ics"),
    "application/ms-tnef": ("winmail", ".dat"),
    "application/pgp-signature": ("signature", ".asc"),
}


@dataclass(frozen=True, slots=True)
class MailAttachment:
    """A file of a mail: `media_type` as declared, `content_id` without brackets."""

    name: str
    media_type: str
    content: bytes
    content_id: str | None = None
    is_inline: bool = False
    """Whether the visible HTML shows it in its place."""


def file_of(part: MimePart, number: int, defects: list[str]) -> MailAttachment:
    """A part as a file; `number` names it if it has no name."""
    transferred = part.content()
    if transferred.defect:
        defects.append(transferred.defect)
    if part.is_closed:
        return MailAttachment(f"parts-{number}.eml", "message/rfc822", part.content().content)
    media_type = part.media_type if _MEDIA_TYPE.fullmatch(part.media_type) else "application/octet-stream"
    return MailAttachment(
        name=_name(part, media_type, number),
        media_type=media_type,
        content=transferred.content,
        content_id=content_id(part),
    )


def declared_name(part: MimePart) -> str:
    """The name the sender gave it, or nothing."""
    return part.disposition.parameters.get("filename") or part.content_type.parameters.get("name") or ""


def content_id(part: MimePart) -> str | None:
    """What `cid:` links call it."""
    value = part.header.plain("content-id").strip().strip("<>").strip()
    return value[:255] or None


def safe_name(name: str) -> str:
    """A file's own name: no folders, no line ends, nothing that turns the direction of reading."""
    base = re.split(r"[/\\]", name)[-1]
    plain = re.sub(r"[ \t]+", " ", _UNSAFE.sub(" ", base)).strip(". ")
    if len(plain) <= MAX_NAME:
        return plain
    stem, dot, ending = plain.rpartition(".")
    return f"{stem[: MAX_NAME - len(ending) - 1]}.{ending}" if dot and len(ending) <= 16 else plain[:MAX_NAME]


def _name(part: MimePart, media_type: str, number: int) -> str:
    if name := safe_name(declared_name(part)):
        return name
    stem, ending = _NAMES.get(media_type, ("attachment", mimetypes.guess_extension(media_type) or ".bin"))
    return f"{stem}-{number}{ending}"
