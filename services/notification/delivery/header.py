"""Header fields of our mails, written by hand: strict, and the same bytes whatever the Python.

The standard library decodes encoded words in values it is given, and some versions of it lose the quotes of long
names; a value from outside must be neither. So values are cleaned first, and whatever is not plain is encoded here.
"""

import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterable

from shared.kit.addresses import is_plain

LINE = 76
"""Columns a line has at most, where it can be broken: 78 (RFC 5322), and 76 with encoded words (RFC 2047)."""
LONGEST_LINE = 998
MAX_WORD = 60
"""Characters of one word that are written plainly: it cannot be broken."""
MAX_NAME = 100
"""Characters of a display name that are kept."""
_WORD_BYTES = 39
"""Bytes of text in one encoded word, so that its line has at most 76 columns, the field's name included."""
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM = rf"{_ATOM}(?:\.{_ATOM})*"
_MESSAGE_ID = re.compile(rf"<{_DOT_ATOM}@(?:{_DOT_ATOM}|\[[!-Z^-~]+\])>")
_ENCODED_WORD = "=?"
_QUOTED_PAIRS = re.compile(r'["\\]')
_STRUCTURE = re.compile(r'[<>@,;:"\\\[\]]')
"""What parts or makes addresses: taken out of encoded names, for some readers decode before they look for addresses."""
_LONE_BRACKETS = re.compile(r"\(([^()]*)\)|[()]")
_JOINERS = "\u200c\u200d"
"""Invisible, and part of how people write: they join emoji and shape Persian."""


def one_line(text: str) -> str:
    """Text fit for a header: no line ends, no controls, nothing invisible that turns or hides what is shown."""
    shown = text if text.isprintable() else "".join(_shown(char) for char in text)
    return " ".join(shown.split())


def _shown(char: str) -> str:
    category = unicodedata.category(char)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    if category == "Cs":
        return "\ufffd"
    return "" if category == "Cf" and char not in _JOINERS else char


def unstructured(name: str, text: str) -> str:
    """A field of free text, such as a subject; what could be read as encoded words is encoded itself."""
    line = one_line(text)
    is_plain = line.isascii() and _ENCODED_WORD not in line and max(map(len, line.split()), default=0) <= MAX_WORD
    return _folded(name, line.split(" ") if is_plain else encoded_words(line))


def mailbox(name: str, display_name: str, address: str) -> str:
    """A field with exactly one mailbox. Raises ValueError for an address that cannot be written plainly."""
    if not is_plain(address):
        raise ValueError("an address must be ASCII, such as name@example.org")
    return _folded(name, [*phrase(display_name), f"<{address}>"])


def phrase(display_name: str) -> list[str]:
    """A display name as words that can only be read as one: a short quoted string, else encoded words."""
    shown = one_line(display_name)[:MAX_NAME].strip()
    quoted = '"' + _QUOTED_PAIRS.sub(r"\\\g<0>", shown) + '"'
    if not shown:
        return []
    if shown.isascii() and len(quoted) <= LINE // 2 and _ENCODED_WORD not in shown:
        return [quoted]
    apart = _STRUCTURE.sub(" ", shown.replace(_ENCODED_WORD, "= ?"))
    return encoded_words(one_line(_LONE_BRACKETS.sub(lambda found: found[0] if found[1] is not None else " ", apart)))


def message_ids(name: str, ids: Iterable[str]) -> str:
    """A field of Message-IDs, each whole and on a line with as many as fit."""
    return _folded(name, list(ids))


def is_message_id(text: str) -> bool:
    """Whether an id that somebody else made can be repeated in a header of ours: plain, and nothing but an id."""
    return len(text) <= 255 and _ENCODED_WORD not in text and _MESSAGE_ID.fullmatch(text) is not None


def token(name: str, value: str) -> str:
    """A field whose value is ours and plain. Raises ValueError where it is not."""
    if not re.fullmatch(r"[!-~]+(?: [!-~]+)*", value) or len(name) + len(value) > LONGEST_LINE - 2:
        raise ValueError(f"{name} must be plain ASCII")
    return f"{name}: {value}\r\n"


def encoded_words(text: str) -> list[str]:
    """RFC 2047 words in UTF-8, none of them cut inside a character."""
    pieces: list[bytes] = [b""]
    for char in text:
        data = char.encode("utf-8")
        if len(pieces[-1]) + len(data) > _WORD_BYTES:
            pieces.append(b"")
        pieces[-1] += data
    return [f"=?utf-8?b?{b64encode(piece).decode()}?=" for piece in pieces if piece]


def _folded(name: str, words: Iterable[str]) -> str:
    """The field with its words parted by one space each, which begins a new line where one would be too long."""
    lines, current = [], f"{name}:"
    for position, word in enumerate(words):
        if position and len(current) + 1 + len(word) > LINE:
            lines.append(current)
            current = ""
        current += f" {word}"
    return "\r\n".join((*lines, current)) + "\r\n"
