"""Content inside JSON and XML: `data:` URLs, base64 and character sets, as the old help desk read them."""

import base64
import binascii
import re
from dataclasses import dataclass

from services.intake.mail.parsing.charsets import decode

PLAIN = "text/plain"
_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?P<marks>(?:;[\w-]+(?:=[^;,\s]*)?)*),", re.ASCII)
_SPACE = re.compile(rb"\s+")


class NotBase64(ValueError):
    """The content is marked as base64 and is not."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Content with its marks; `charset` is empty where none was named."""

    data: str
    media_type: str = PLAIN
    charset: str = ""
    is_base64: bool = False

    def as_bytes(self) -> bytes:
        """The content of a file: text in a named character set becomes UTF-8. Raises NotBase64."""
        if not self.is_base64:
            return self.data.encode("utf-8", "replace")
        raw = read_base64(self.data)
        return decode(raw, self.charset).text.encode() if self.charset else raw

    def as_text(self) -> str:
        """The content as text. Raises NotBase64."""
        return decode(read_base64(self.data), self.charset or None).text if self.is_base64 else self.data


def read_data_url(text: str) -> Encoded:
    """The content of a `data:` URL; any other text stands for itself. Nothing is percent-decoded: it never was."""
    found = _DATA_URL.match(text)
    if found is None:
        return Encoded(text)
    marks = [mark.partition("=") for mark in found["marks"].lower().split(";")]
    return Encoded(
        data=text[found.end() :],
        media_type=(found["type"] or PLAIN).lower(),
        charset=next((value for name, _, value in marks if name == "charset"), ""),
        is_base64=any(name == "base64" for name, _, _ in marks),
    )


def read_base64(text: str) -> bytes:
    """The bytes, with or without line breaks and padding. Raises NotBase64."""
    try:
        raw = _SPACE.sub(b"", text.encode("ascii")).rstrip(b"=")
        return base64.b64decode(raw + b"=" * (-len(raw) % 4), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise NotBase64("is not valid base64") from None
