"""Takes our personal links out of foreign text: whoever reads a quotation must not get the reader's access with it.

A token is recognised by its shape in the text as it stands and in readings of it: percent-encoding, HTML entities,
quoted-printable and base64 undone, lines that were wrapped or quoted joined, tags left out. Every reading keeps where
its characters came from, so that exactly the words of the link are replaced. All of it takes linear time.
"""

import base64
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, TypeVar, cast

from pydantic import AfterValidator, JsonValue

from shared.contracts.own_tokens import tokens
from shared.contracts.readings import Draft, Gap, Memory, Reading, ReadingVariant, gaps_of, joined, read, variants_of
from shared.contracts.text_cache import TextCache

Value = TypeVar("Value")
REMOVED = "[link removed]"
_ADDRESS = re.compile(r"h(?:tt|xx)ps?:/{1,2}[^\s\"'<>()\[\]]{0,300}\Z", re.IGNORECASE)
_ADDRESS_LENGTH = 320
_SHORTEST = 40
"""Characters of the shortest thing that is looked for."""
_BREAK = re.compile(r"=?\r?\n[ \t>]*")
_BLOCK = re.compile(r"[A-Za-z0-9+/_-]{40,}(?:=?\r?\n[ \t>]*[A-Za-z0-9+/_-]{4,}(?=[ \t]*(?:=|\r?\n|\Z)))*={0,2}")
"""Base64, on one line or on many."""
_NO_TEXT = re.compile(r"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
_HEAD = 48
"""Characters that tell text from a picture."""
_DEEPEST = 3
"""Layers of base64 that are looked into."""
_LINE = 76


LIGHT = 4096
"""Characters up to which a text takes a millisecond or two."""
_KEPT = 4 * 1024 * 1024
_recent = TextCache(_KEPT)


def redacted(text: str) -> str:
    """The text with `[link removed]` in the place of each of our personal links and signed Message-IDs.

    A message passes several callers one after another, so the last results are cached.
    """
    if len(text) < _SHORTEST:
        return text
    if (clean := _recent.find(text)) is None:
        clean = _redacted(text, 0)
        remember_redaction(text, clean)
    return clean


def remember_redaction(text: str, clean: str) -> None:
    """Keeps what another process made of a text, which is clean from then on."""
    _recent.keep(text, clean)
    _recent.keep(clean, clean)


def takes_long(text: str) -> bool:
    """Whether a text should be looked at beside the process that serves people."""
    return len(text) > LIGHT and _recent.find(text) is None


def redacted_bytes(content: bytes) -> bytes:
    """The same for a file of text, or a mail as it came; every other byte stays."""
    return _redacted_bytes(content, 0)


def redacted_json(value: JsonValue) -> JsonValue:
    """The same for every text in a JSON value, keys included."""
    match value:
        case str():
            return redacted(value)
        case list():
            return [redacted_json(one) for one in value]
        case dict():
            return {redacted(name): redacted_json(one) for name, one in value.items()}
    return value


def redacted_values(values: Mapping[str, Value]) -> dict[str, Value]:
    """The same for the answers of a form or the facts of a mail."""
    return cast(dict[str, Value], redacted_json(cast(JsonValue, dict(values))))


Foreign = Annotated[str, AfterValidator(redacted)]
"""Text that people wrote, as it may be stored and shown."""
ForeignValues = Annotated[dict[str, JsonValue], AfterValidator(redacted_values)]
"""Values that people gave."""


def _redacted(text: str, depth: int) -> str:
    if len(text) < _SHORTEST:
        return text
    text = _without_links(text)
    return _replaced(text, _encoded(text, depth)) if depth < _DEEPEST else text


def _replaced(text: str, spans: Iterable[tuple[int, int, str]]) -> str:
    """Of spans that overlap the one found first is right: a reading that was not meant takes too much or too little."""
    chosen: list[tuple[int, int, str]] = []
    for span in spans:
        place = bisect_left(chosen, (span[0],))
        is_free = place == len(chosen) or span[1] <= chosen[place][0]
        if is_free and (place == 0 or chosen[place - 1][1] <= span[0]):
            chosen.insert(place, span)
    if not chosen:
        return text
    pieces, done = [], 0
    for start, end, instead in chosen:
        pieces += [text[done:start], instead]
        done = end
    return "".join([*pieces, text[done:]])


def _without_links(text: str) -> str:
    """Without the links of any reading. What one found is gone before the next, which has less to find.

    A reading is done with care only if there is something in it, and only once if several say the same.
    """
    memory = Memory()
    text = _replaced(text, [(*span, REMOVED) for span in _links(text)])
    seen = {text}
    for variant in variants_of(text):
        unjoined = read(Draft(text, memory), variant)
        if unjoined is None:
            continue
        for gap in gaps_of(unjoined):
            draft = joined(unjoined, gap)
            if draft.text not in seen and any(tokens(draft.text)):
                text = _without_links_read(text, variant, gap)
            seen.add(draft.text)
    return text


def _without_links_read(text: str, variant: ReadingVariant, gap: Gap) -> str:
    wrapped = read(Reading(text), variant)
    if wrapped is None:
        return text
    reading = joined(wrapped, gap)
    return _replaced(text, [(*reading.origin(*span), REMOVED) for span in _links(reading.text)])


def _links(text: str) -> Iterator[tuple[int, int]]:
    """Tokens with the address before them."""
    yield from ((_with_address(text, start), end) for start, end in tokens(text))


def _with_address(text: str, start: int) -> int:
    low = max(0, start - _ADDRESS_LENGTH)
    before = text[low:start]
    begins = max(before.lower().rfind(scheme) for scheme in ("http", "hxxp"))
    return low + begins if begins >= 0 and _ADDRESS.fullmatch(before, begins) else start


def _encoded(text: str, depth: int) -> Iterator[tuple[int, int, str]]:
    """Base64 that says one of our links, and what stands in its place: base64 again, so that a mail stays one."""
    for block in _BLOCK.finditer(text):
        yield from _clean(block[0], block.start(), depth)
        if "\n" not in block[0] and "/" in block[0]:
            for piece in re.finditer("[^/]{40,}", block[0]):
                yield from _clean(piece[0], block.start() + piece.start(), depth)


def _clean(block: str, start: int, depth: int) -> Iterator[tuple[int, int, str]]:
    content = _content_of(block)
    clean = _redacted_bytes(content, depth + 1)
    if clean != content:
        yield start, start + len(block), _in_lines(clean, block)


def _content_of(block: str) -> bytes:
    """What a block of base64 says; nothing if it is no text, such as a picture."""
    letters = _BREAK.sub("", block).rstrip("=").translate(_STANDARD)
    usable = letters[: len(letters) - (len(letters) % 4 == 1)]
    content = base64.b64decode(usable + "=" * (-len(usable) % 4))
    return b"" if _NO_TEXT.search(content[:_HEAD].decode("latin-1")) else content


_STANDARD = str.maketrans("-_", "+/")


def _in_lines(content: bytes, block: str) -> str:
    letters = base64.b64encode(content).decode()
    if "\n" not in block:
        return letters
    end = "\r\n" if "\r\n" in block else "\n"
    return end.join(letters[start : start + _LINE] for start in range(0, len(letters), _LINE))


def _redacted_bytes(content: bytes, depth: int) -> bytes:
    """Every byte survives the way through text and back, whatever the charset."""
    codec = _codec_of(content)
    text = content.decode(codec, "surrogateescape")
    clean = _redacted(text, depth)
    return content if clean is text or clean == text else clean.encode(codec, "surrogateescape")


def _codec_of(content: bytes) -> str:
    """UTF-16 has a zero in every other byte of a link; all else is read as UTF-8, or byte by byte."""
    head = content[:_HEAD]
    if len(content) % 2 == 0 and head.count(0) > len(head) // 3:
        return "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"
    return "utf-8"
