"""Header fields of outgoing mails, encoded strictly and independently of the Python version.

Own code because the standard library decodes encoded words in the values it is given, and some versions lose the
quotes of long names: both let a foreign name or subject inject headers or recipients.
"""

import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterable
from functools import lru_cache

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
_ID_PART = r"[!#-'*+\-./0-:=?A-Z\[\]^-~]+"
"""Printable ASCII without what starts a comment, a quoted string, an escape or another id: many programs write dots,
colons or no domain where RFC 5322 allows none, and their users' mail clients look for exactly that id."""
_MESSAGE_ID = re.compile(rf"<{_ID_PART}(?:@{_ID_PART})?>")
_ENCODED_WORD = "=?"
_TOKENS = re.compile(r"[!-~]+(?: [!-~]+)*")
_QUOTED_PAIRS = re.compile(r'["\\]')
_STRUCTURE = re.compile(r'[<>@,;:"\\\[\]]')
"""What parts or makes addresses: taken out of encoded names, for some readers decode before they look for addresses."""
_LONE_BRACKETS = re.compile(r"\(([^()]*)\)|[()]")
_JOINERS = "\u200c\u200d"
"""Invisible, and part of how people write: they join emoji and shape Persian."""


def one_line(text: str) -> str:
    """Returns text without line ends, control characters and invisible formatting characters."""
    joined = " ".join(text.split())
    return joined if joined.isprintable() else " ".join("".join(_shown(char) for char in text).split())


def _shown(char: str) -> str:
    category = unicodedata.category(char)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    if category == "Cs":
        return "\ufffd"
    return "" if category == "Cf" and char not in _JOINERS else char


@lru_cache(maxsize=64)
def unstructured(name: str, text: str) -> str:
    """Returns a field of free text, such as a subject; text that looks like encoded words is encoded."""
    line = one_line(text)
    is_plain = line.isascii() and _ENCODED_WORD not in line and max(map(len, line.split()), default=0) <= MAX_WORD
    return _folded(name, line.split(" ") if is_plain else encoded_words(line))


@lru_cache(maxsize=64)
def mailbox(name: str, display_name: str, address: str) -> str:
    """Returns a field with exactly one mailbox. Raises ValueError for an address that cannot be written plainly."""
    if not is_plain(address):
        raise ValueError("an address must be ASCII, such as name@example.org")
    return _folded(name, [*phrase(display_name), f"<{address}>"])


def phrase(display_name: str) -> list[str]:
    """Returns a display name as a short quoted string, else as encoded words."""
    shown = one_line(display_name)[:MAX_NAME].strip()
    quoted = '"' + _QUOTED_PAIRS.sub(r"\\\g<0>", shown) + '"'
    if not shown:
        return []
    if shown.isascii() and len(quoted) <= LINE // 2 and _ENCODED_WORD not in shown:
        return [quoted]
    apart = _STRUCTURE.sub(" ", shown.replace(_ENCODED_WORD, "= ?"))
    return encoded_words(one_line(_LONE_BRACKETS.sub(lambda found: found[0] if found[1] is not None else " ", apart)))


def message_ids(name: str, ids: Iterable[str]) -> str:
    """Returns a field of Message-IDs, folded between ids only."""
    return _folded(name, list(ids))


def is_message_id(text: str) -> bool:
    """Whether a foreign Message-ID is syntactically safe to repeat in a header."""
    return len(text) <= 255 and _ENCODED_WORD not in text and _MESSAGE_ID.fullmatch(text) is not None


@lru_cache(maxsize=64)
def token(name: str, value: str) -> str:
    """Returns a field with a fixed ASCII value. Raises ValueError for any other."""
    if not _TOKENS.fullmatch(value) or len(name) + len(value) > LONGEST_LINE - 2:
        raise ValueError(f"{name} must be plain ASCII")
    return f"{name}: {value}\r\n"


def encoded_words(text: str) -> list[str]:
    """Returns RFC 2047 encoded words in UTF-8, never split inside a character."""
    pieces: list[bytes] = [b""]
    for char in text:
        data = char.encode("utf-8")
        if len(pieces[-1]) + len(data) > _WORD_BYTES:
            pieces.append(b"")
        pieces[-1] += data
    return [f"=?utf-8?b?{b64encode(piece).decode()}?=" for piece in pieces if piece]


def _folded(name: str, words: Iterable[str]) -> str:
    """Returns the field folded at spaces."""
    lines, current = [], f"{name}:"
    for position, word in enumerate(words):
        if position and len(current) + 1 + len(word) > LINE:
            lines.append(current)
            current = ""
        current += f" {word}"
    return "\r\n".join((*lines, current)) + "\r\n"
