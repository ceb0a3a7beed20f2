"""Who a mail is from and to: address fields read leniently and in linear time, names decoded after splitting."""

import re
from dataclasses import dataclass

from services.intake.mail.parsing.header_fields import Header, words
from shared.kit.addresses import address_key, readable_address

MAX_ADDRESSES = 200
"""Of one field that are read."""
MAX_NAME = 255
_ADDRESS = re.compile(
    r"(?<![^\s<>()\[\]\\,;:\"'])[^\s<>()\[\]\\,;:\"@]{1,64}@(?:[^\s<>()\[\]\\,;:\"@]{1,253}|\[[0-9A-Fa-f:.IPv]{2,60}\])"
)
_SPACED = re.compile(r"\s*([.@])\s*")
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
        for one in split_addresses(header.unfolded(raw, charset))[:MAX_ADDRESSES]:
            for read in addresses_in(one):
                found.setdefault(address_key(read.address), read)
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


def addresses_in(piece: str) -> list[MailAddress]:
    """The mailbox in `Name <a@b>`, `a@b (Name)` or worse; several where only spaces part them."""
    before, bracket, rest = piece.rpartition("<")
    inside = _SPACED.sub(r"\1", without_comments(rest.partition(">")[0])) if bracket else ""
    if found := _ADDRESS.search(inside):
        return _person(_name(before), found[0])
    bare = _ADDRESS.findall(without_comments(piece))
    if not bare:
        piece = words(piece)
        bare = _ADDRESS.findall(piece)
    if len(bare) == 1:
        return _person(_name(piece.replace(bare[0], "", 1).strip(" ()<>")), bare[0])
    return [one for address in bare for one in _person("", address)]


def _person(name: str, address: str) -> list[MailAddress]:
    plain = address.strip("'.")
    if not 3 <= len(plain) <= 254:
        return []
    kept = readable_address(plain) or plain
    return [MailAddress("" if address_key(name) == address_key(kept) else name, kept)]


def without_comments(piece: str) -> str:
    """A field without comments in parentheses; one that is never closed takes the rest with it."""
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
    return re.sub(r"[ \t]+", " ", plain).strip("\"' <>")[:MAX_NAME].strip()
