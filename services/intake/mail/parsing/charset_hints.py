"""What a mail tells of its charset where it names none: languages, other parts, the sender's country."""

import re
from collections import defaultdict
from collections.abc import Iterator
from types import MappingProxyType

from services.intake.mail.parsing.charsets import JAPANESE, codec_of
from services.intake.mail.parsing.east_asian import Hints, charset_of
from services.intake.mail.parsing.mime import MimePart

OF_LANGUAGE = 0.5
OF_OTHER_PART = 0.5
OF_COUNTRY = 0.3
MAX_PARTS = 20
"""Parts that are asked."""
MAX_PIECE = 1_024
"""Bytes of one unlabelled text that are judged together with the others."""
_BOTH_JAPANESE = ("cp932", "euc_jp")
_BY_LANGUAGE = {
    "ja": _BOTH_JAPANESE,
    "ko": ("cp949",),
    "zh": ("gb18030",),
    "zh-tw": ("big5hkscs",),
    "zh-hk": ("big5hkscs",),
    "zh-mo": ("big5hkscs",),
    "zh-hant": ("big5hkscs",),
}
_BY_COUNTRY = {
    b"jp": _BOTH_JAPANESE,
    b"kr": ("cp949",),
    b"cn": ("gb18030",),
    b"sg": ("gb18030",),
    b"tw": ("big5hkscs",),
    b"hk": ("big5hkscs",),
    b"mo": ("big5hkscs",),
}
_CODECS = frozenset(codec for codecs in _BY_LANGUAGE.values() for codec in codecs)
_COUNTRY = re.compile(rb"@[^\s<>@]{1,200}\.([a-z]{2})(?=[\s>,;)]|\Z)", re.IGNORECASE)
_NAMED = re.compile(rb"=\?([A-Za-z0-9_-]{2,40})\?[bqBQ]\?|\*=\"?([A-Za-z0-9_-]{2,40})'")
_LANGUAGE_FIELDS = ("content-language", "accept-language", "x-accept-language")
_WRITTEN_FIELDS = ("subject", "from", "reply-to", "to", "cc")


def likely_charset(root: MimePart) -> tuple[Hints, str | None]:
    """What speaks for each East Asian charset, and the one that all unlabelled text is in, if that is clear."""
    pieces = [piece[:MAX_PIECE] for piece in _unlabelled(root) if not piece.isascii() and not _is_utf_8(piece)]
    if not pieces:
        return {}, None
    hints = _hints(root)
    return hints, charset_of(b"\n".join(pieces), hints)


def _parts(root: MimePart) -> Iterator[MimePart]:
    waiting = [root]
    for _ in range(MAX_PARTS):
        if not waiting:
            return
        part = waiting.pop(0)
        yield part
        waiting.extend(part.children)


def _unlabelled(root: MimePart) -> Iterator[bytes]:
    """The raw header fields and the texts that name no charset."""
    for name in _WRITTEN_FIELDS:
        yield root.header.raw(name)
    for part in _parts(root):
        is_text = part.media_type.startswith("text/") and not part.children
        if is_text and not part.is_closed and not part.content_type.parameters.get("charset"):
            yield part.content().content[:MAX_PIECE]


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start > MAX_PIECE - 4
    return True


def _hints(root: MimePart) -> Hints:
    found: dict[str, float] = defaultdict(float)
    for codecs, weight in _told(root):
        for codec in codecs:
            found[codec] = max(found[codec], weight)
    return MappingProxyType(found)


def _told(root: MimePart) -> Iterator[tuple[tuple[str, ...], float]]:
    for part in _parts(root):
        for name in _LANGUAGE_FIELDS:
            yield _of_language(part.header.plain(name)), OF_LANGUAGE
        yield _of_charset(part.content_type.parameters.get("charset")), OF_OTHER_PART
        for name in (*_WRITTEN_FIELDS, "content-disposition", "content-type"):
            for word in _NAMED.finditer(part.header.raw(name)):
                yield _of_charset((word[1] or word[2]).decode("ascii")), OF_OTHER_PART
    for name in ("from", "reply-to", "message-id"):
        for country in _COUNTRY.finditer(root.header.raw(name)):
            yield _BY_COUNTRY.get(country[1].lower(), ()), OF_COUNTRY


def _of_language(field: str) -> tuple[str, ...]:
    language = field.partition(",")[0].partition(";")[0].strip().lower().replace("_", "-")
    main, _, rest = language.partition("-")
    return _BY_LANGUAGE.get(f"{main}-{rest.partition('-')[0]}", _BY_LANGUAGE.get(main, ()))


def _of_charset(name: str | None) -> tuple[str, ...]:
    codec = codec_of(name)
    if codec == JAPANESE or codec in _BOTH_JAPANESE:
        return _BOTH_JAPANESE
    return (codec,) if codec in _CODECS else ()
