"""What a mail says it belongs to: the Message-IDs it names, and the ticket number in its subject."""

import re
from collections.abc import Iterable

from services.intake.mail.parsing.header_fields import Header, unfolded, words

MAX_IDS = 50
"""Message-IDs of one mail that are looked at."""
_ID = re.compile(r"<([^<>\s@]{1,255}@[^<>\s@]{1,255})>")
_BARE_ID = re.compile(r"(?<![^\s,;])([^<>\s@,;\"]{8,255}@[^<>\s@,;\"]{3,255})(?![^\s,;])")
_NUMBER = re.compile(r"\[#\s?([0-9A-Za-z-]{1,20})\]")
_PREFIX = re.compile(
    r"\s*(?:(?:re|fw|fwd|aw|wg|sv|vs|vb|ref|rv|tr|antw|odp|pd|res|enc|ynt|ilt|atb|vl|hv|rif|\u56de\u590d|\u8f6c\u53d1|\u7b54\u590d)"
    r"\s*(?:[\[(]\d{1,3}[\])])?\s*[:\uff1a]|\[#[^\]]{0,20}\])",
    re.IGNORECASE,
)
_CITED = re.compile(
    rb"^[ \t>]*(?:message-id|original-message-id|x-original-message-id)[ \t]*:\s*(<[^<>\s]{3,510}>)", re.I | re.M
)


def message_ids(header: Header, *names: str) -> tuple[str, ...]:
    """The ids in these fields, each once, in angle brackets, in order; of too many, the first and the latest."""
    found: list[str] = []
    for name in names:
        for raw in header.all_raw(name):
            line = words(unfolded(raw))
            bracketed = _ID.findall(line)
            found.extend(f"<{one}>" for one in bracketed or _BARE_ID.findall(line))
    return _few(found)


def cited_ids(contents: Iterable[bytes]) -> tuple[str, ...]:
    """The Message-IDs of the mails that a bounce returns or reports about."""
    found = (one.decode("utf-8", "replace") for content in contents for one in _CITED.findall(content[:65_536]))
    return _few(list(found))


def ticket_number(subject: str) -> str | None:
    """The number in `[#1000234]`, or None."""
    found = _NUMBER.search(subject)
    return found[1] if found else None


def plain_subject(subject: str) -> str:
    """A subject to compare by: without `Re:` and its like, ticket numbers, case and double spaces."""
    rest = subject
    while found := _PREFIX.match(rest):
        rest = rest[found.end() :]
    return " ".join(rest.split()).casefold()


def _few(found: list[str]) -> tuple[str, ...]:
    once = list(dict.fromkeys(found))
    return tuple(once if len(once) <= MAX_IDS else [once[0], *once[-MAX_IDS + 1 :]])
