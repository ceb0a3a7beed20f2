"""What a file is, by its first bytes and never by what its sender calls it."""

import mimetypes
import re

import puremagic
from puremagic import PureError

from services.intake.attachments.file_names import extension_of

HEAD = 8 * 1024
"""Bytes that are looked at."""
UNKNOWN = "application/octet-stream"
PLAIN = "text/plain"
SHOWABLE = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))
"""Pictures without script inside: all that is ever shown in a page. Everything else is a download."""
_ACTIVE = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|iframe|svg|\?xml-stylesheet|meta|object|embed|form)\b", re.IGNORECASE
)
_MARKUP = re.compile(rb"\s*<(?:\?xml|!doctype|[a-z][\w:-]*[\s/>])", re.IGNORECASE)
_SURE = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"\x7fELF", "application/x-executable"),
    (b"#!", "text/x-script"),
)
"""Beginnings that settle it."""
_FAMILIES = {
    b"PK\x03\x04": ("application/zip", ("application/vnd.", "application/zip", "application/epub", "application/java")),
    b"\xd0\xcf\x11\xe0": (
        "application/x-ole-storage",
        ("application/vnd.ms", "application/msword", "application/x-ole"),
    ),
}
"""Containers whose kind only the extension can tell, as long as it belongs to the family."""


def media_type_of(head: bytes, name: str) -> str:
    """The media type of a file by its first HEAD bytes; its name only chooses within what the bytes allow."""
    for beginning, media_type in _SURE:
        if head.startswith(beginning):
            return media_type
    if head.startswith(b"MZ") and not _is_text(head):
        return "application/vnd.microsoft.portable-executable"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    for beginning, (container, members) in _FAMILIES.items():
        if head.startswith(beginning):
            named = _by_name(name)
            return named if named.startswith(members) else container
    if _ACTIVE.search(head):
        return "image/svg+xml" if re.search(rb"<svg\b", head, re.IGNORECASE) else "text/html"
    if _MARKUP.match(head):
        return "application/xml"
    return _text_type(name) if _is_text(head) else _by_signature(head)


def _by_signature(head: bytes) -> str:
    try:
        found = puremagic.magic_string(head)
    except (PureError, ValueError):
        return UNKNOWN
    best = next((one.mime_type for one in found if one.confidence >= 0.3 and one.mime_type), UNKNOWN)
    return UNKNOWN if best.startswith("text/") else best


def _text_type(name: str) -> str:
    """Text may call itself by a kind of text that nothing executes."""
    named = _by_name(name)
    return named if named in ("text/csv", "application/json", "text/markdown", "message/rfc822") else PLAIN


def _by_name(name: str) -> str:
    if extension_of(name) == "eml":
        return "message/rfc822"
    return mimetypes.guess_type(f"x.{extension_of(name)}", strict=False)[0] or UNKNOWN


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and error.start > len(head) - 4
    return True
