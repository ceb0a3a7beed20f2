"""Every kind of token this system makes, and how those that open something are recognised in a text by their shape."""

import re
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from string import ascii_letters, digits
from types import MappingProxyType

REDACTED: Mapping[str, str] = MappingProxyType(
    {
        "ticket-link": "thread links and invitations, of requesters and of people in copy",
        "export-link": "one-time links to all that is held of a person",
        "account-link": "one-time links with which agents set a password",
        "csat-link": "links with which requesters rate a resolution",
        "preference-link": "links with which people choose which mails they get",
        "file-link": "addresses of attached files",
        "ticket-receipt": "what the opener of a ticket is shown",
        "address-proof": "the cookie that says whose mail a browser reads",
        "desk-flash": "the cookie of a notice on the desk",
        "mail-thread": "Message-IDs, by which an answer finds its ticket",
        "api-key": "keys of client programs (`hd_…`), service tokens (`hds_…`) and event tokens (`hde_…`)",
    }
)
"""Kinds that are taken out of foreign text, by the salt of their signer or by name."""
KEPT: Mapping[str, str] = MappingProxyType(
    {
        "form-made": "says only when a form was shown, and opens nothing",
        "single-sign-on": "ties a sign-in at the provider to the browser that began it, in a cookie of ten minutes",
        "administrator-pass": "works for half a minute and one request between our services; no page or mail holds it",
        "agent-proof": "works for a minute between our services, and no page or mail holds it",
        "setup-link": "works only while nobody can sign in, when there is no ticket that could quote it",
        "form-token": "is worth nothing without the cookie of the same browser",
        "wall-board": "shows counts of a team's tickets, no names and no words, until the link is revoked",
        "known-browser": "opens nothing: says in which browser an agent has signed in, in a cookie closed to scripts",
        "session": "random, only ever in a cookie closed to scripts: no page, mail or address holds it",
    }
)
"""Kinds that stay where they are found, and why they may."""

_CHAR = "[A-Za-z0-9_-]"
_LETTERS = frozenset(f"{ascii_letters}{digits}_-")
_SEAL = re.compile(rf"(?P<time>\.{_CHAR}{{6}})?\.(?:{_CHAR}{{27}}|{_CHAR}{{1,26}}\Z)")
"""How a signed token ends: mostly a date, and an HMAC-SHA1 of 27 letters, which the end of a text may cut."""
_LIST = re.compile("Wy[IJ]")
"""How the payload of every signed token begins: `["` in base64, before a digit or a letter."""
_ONE_TIME = re.compile(rb'\["(?:[^"\\]|\\.)+","[0-9a-f]{32}",[0-9]+\]')
"""The payload of an export link. It is read, for nothing else tells such a token from a word, a dot and a word."""
_PACKED = "eJ"
"""How a compressed payload begins, after a dot."""
_PACKED_LETTERS = 40
"""A compressed payload is at least so long, and no word."""
_LONGEST_PAYLOAD = 4_096
_CODE = "[A-Za-z2-7\u017f\u212a]"
"""A letter of base32, in either case; the last two are read as `s` and `k` by whoever ignores case."""
_MAIL_ID = re.compile(
    rf"[tT](?<![A-Za-z0-9._%+-].)\.{_CODE}{{26}}(?:\.{_CODE}{{26}}(?:\.{_CODE}{{9}})?)?\.{_CODE}{{16}}(?!{_CODE})"
    r"(?:@[^\s<>@\"'&]{1,255})?"
)
"""A signed Message-ID: who names one is taken for somebody who had our mail."""
_KEY_PREFIXES = ("hd_", "hds_", "hde_")
_API_KEY = re.compile(rf"hd[es]?_[0-9a-f]{{16}}_{_CHAR}{{43}}")


def tokens(text: str) -> Iterator[tuple[int, int]]:
    """Where tokens of the redacted kinds stand. They are found from their ends: a run of letters is looked at once.

    A text without the beginning of any payload has no signed token, and its ends need not be looked for.
    """
    if f".{_PACKED}" in text or _LIST.search(text):
        for seal in _SEAL.finditer(text):
            start = _payload(text, seal.start(), is_dated=seal["time"] is not None)
            if start is not None:
                yield start, seal.end()
    if "t." in text or "T." in text:
        yield from (found.span() for found in _MAIL_ID.finditer(text))
    if any(prefix in text for prefix in _KEY_PREFIXES):
        yield from (found.span() for found in _API_KEY.finditer(text))


def _payload(text: str, end: int, *, is_dated: bool) -> int | None:
    """Where the payload that ends there begins; None if it is none of ours."""
    first = end
    while first and text[first - 1] in _LETTERS:
        first -= 1
    if first and text[first - 1] == "." and text.startswith(_PACKED, first):
        is_ours = _is_packed if is_dated else _is_packed_one_time
        return first - 1 if is_ours(text[first:end]) else None
    found = _LIST.search(text, first, end)
    if found is None or not (is_dated or _is_one_time(_decoded(text[found.start() : end]))):
        return None
    return found.start()


def _is_packed(payload: str) -> bool:
    kinds = (str.isdigit, str.isupper, str.islower)
    return len(payload) >= _PACKED_LETTERS and all(any(kind(char) for char in payload) for kind in kinds)


def _is_packed_one_time(payload: str) -> bool:
    try:
        return _is_one_time(zlib.decompressobj().decompress(_decoded(payload), _LONGEST_PAYLOAD))
    except zlib.error:
        return False


def _is_one_time(payload: bytes) -> bool:
    return _ONE_TIME.fullmatch(payload) is not None


def _decoded(payload: str) -> bytes:
    """What base64 says; nothing where it is none, or longer than any payload of ours."""
    if len(payload) > _LONGEST_PAYLOAD or len(payload) % 4 == 1:
        return b""
    return urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
