"""Who a mail is from and to: address fields read leniently and in linear time, names decoded after splitting."""

import re
from dataclasses import dataclass

from services.intake.mail.fields import Header, unfolded, words

MAX_ADDRESSES = 200
"""Of one field that are read."""
MAX_NAME = 255
_ADDRESS = re.compile(r"[^\s<>()\[\]\\,;:\"@]{1,64}@(?:[^\s<>()\[\]\\,;:\"@]{1,253}|\[[0-9A-Fa-f:.IPv]{2,60}\])")
_QUOTES = re.compile(r'\\(.)|"')


@dataclass(frozen=True, slots=True)
class MailAddress:
    """One person or mailbox; the name may be empty."""

    name: str
    address: str


def addresses(header: Header, name: str, charset: str | None = None) -> tuple[MailAddress, ...]:
    """All addresses in the fields of one name, each once, in order."""
    found: dict[str, MailAddress] = {}
    for raw in header.all_raw(name):
        for one in split_addresses(unfolded(raw, charset))[:MAX_ADDRESSES]:
            if read := address_in(one):
                found.setdefault(read.address.casefold(), read)
    return tuple(found.values())[:MAX_ADDRESSES]


def split_addresses(line: str) -> list[str]:
    """A field's mailboxes: parted by commas or semicolons outside quotes, comments and angle brackets."""
    pieces: list[str] = []
    start = depth = 0
    closing = ""
    at = 0
    while at < len(line):
        char = line[at]
        if char == "\\" and (closing == '"' or depth):
            at += 1
        elif char == "(" and not closing:
            depth += 1
        elif char == ")" and depth:
            depth -= 1
        elif depth:
            pass
        elif closing:
            closing = "" if char == closing else closing
        elif char in '"<':
            closing = '"' if char == '"' else ">"
        elif char in ",;:":
            pieces.append("" if char == ":" and "@" not in line[start:at] else line[start:at])
            start = at + 1
        at += 1
    pieces.append(line[start:])
    return [piece for piece in pieces if piece.strip()]


def address_in(piece: str) -> MailAddress | None:
    """The mailbox in `Name <a@b>`, `a@b (Name)` or worse; None if there is no address in it."""
    before, bracket, rest = piece.rpartition("<")
    inside = rest.partition(">")[0] if bracket else ""
    found = _ADDRESS.search(inside) or _ADDRESS.search(_without_comments(piece)) or _ADDRESS.search(words(piece))
    if found is None or len(found[0]) > 254:
        return None
    address = found[0].strip("'")
    name = _name(before) if bracket else _name(piece.replace(found[0], "", 1).replace("()", "").strip(" ()"))
    return MailAddress("" if name.casefold() == address.casefold() else name, address)


def _without_comments(piece: str) -> str:
    kept: list[str] = []
    depth = 0
    for char in piece:
        depth += char == "("
        if not depth:
            kept.append(char)
        depth -= char == ")" and depth > 0
    return "".join(kept)


def _name(text: str) -> str:
    """A display name, its quotes and encoded words undone; some senders encode the quotes too."""
    plain = words(_QUOTES.sub(lambda found: found[1] or "", text))
    return " ".join(plain.split()).strip("\"' ")[:MAX_NAME].strip()
