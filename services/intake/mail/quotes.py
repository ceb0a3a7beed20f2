"""Where the text a person wrote ends and what they quoted or signed begins; in doubt, all of it is theirs.

There is one cut: what is above it is shown, what is below it is kept. Answers between quotes are therefore shown with
the quotes they answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.intake.mail import phrases
from services.intake.mail.lines import Line, Mark
from services.intake.mail.signatures import signature_start

ATTRIBUTION_LINES = 4
HEADER_LINES = 8
TAILS = 8
"""Signatures and quotes below each other that are told apart."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A text in two: together they are the whole."""

    visible: str
    quoted: str


def cut(text: str) -> Cut:
    """Parts a text. If nothing of their own would be left to see, everything is shown."""
    lines = text.split("\n")
    at = first_foreign([Line(line) for line in lines])
    return Cut("\n".join(lines[:at]).strip("\n"), "\n".join(lines[at:]).strip("\n"))


def first_foreign(lines: Sequence[Line]) -> int:
    """The number of the line from which on nothing is the writer's own; the count of lines if all of it is."""
    end = _announced(lines)
    for _ in range(TAILS):
        end = _without_tail(lines, end)
    return end if any(not line.is_blank for line in lines[:end]) else len(lines)


def _announced(lines: Sequence[Line]) -> int:
    """The first line that says that somebody else's mail follows."""
    last_quote = max((at for at, line in enumerate(lines) if line.is_quote), default=-1)
    for at, line in enumerate(lines):
        if line.mark is Mark.END or (not line.is_quote and _announces(lines, at, last_quote)):
            return at
    return len(lines)


def _announces(lines: Sequence[Line], at: int, last_quote: int) -> bool:
    text = lines[at].text
    if not text.strip() or len(text) > 400:
        return False
    return (
        phrases.DELIMITER.search(text) is not None
        or phrases.ORIGINAL.match(text) is not None
        or phrases.BEGIN_FORWARDED.match(text.strip()) is not None
        or (phrases.RULE.match(text) is not None and _is_header(lines, _next_written(lines, at + 1)))
        or _is_header(lines, at)
        or (at > last_quote and _announces_unmarked_quote(lines, at))
    )


def _is_header(lines: Sequence[Line], at: int) -> bool:
    """Whether lines like `From:`, `Sent:`, `To:`, `Subject:` begin here: at least three kinds of them."""
    kinds: set[str] = set()
    seen = 0
    for line in lines[at : at + 2 * HEADER_LINES]:
        if line.is_blank:
            continue
        found = phrases.HEADER_LINE.match(line.text[:200])
        if found is None or seen == HEADER_LINES:
            break
        kinds.add(found.lastgroup or "")
        seen += 1
    first = phrases.HEADER_LINE.match(lines[at].text[:200]) if at < len(lines) else None
    return first is not None and first.lastgroup in ("sender", "when") and len(kinds) >= 3 and "sender" in kinds


def _announces_unmarked_quote(lines: Sequence[Line], at: int) -> bool:
    """Whether an attribution stands here, below which the quote is not marked as one."""
    for count in range(1, ATTRIBUTION_LINES + 1):
        piece = lines[at : at + count]
        if len(piece) < count or piece[-1].is_blank:
            return False
        if phrases.is_full_attribution(_joined(piece)) and (count == 1 or phrases.is_opening(lines[at].text)):
            return _next_written(lines, at + count) < len(lines)
    return False


def _without_tail(lines: Sequence[Line], end: int) -> int:
    """`end` moved up by one blank tail, signature or quote with its attribution, if there is one."""
    while end and lines[end - 1].is_blank:
        end -= 1
    start = end
    while start and (lines[start - 1].is_quote or lines[start - 1].is_blank):
        start -= 1
    if start < end:
        return _attribution_start(lines, start)
    while start and (lines[start - 1].mark is Mark.SIGNATURE or (start < end and lines[start - 1].is_blank)):
        start -= 1
    if start < end:
        return start
    return signature_start(lines, end)


def _attribution_start(lines: Sequence[Line], quote: int) -> int:
    """Where the attribution above a quote begins; the quote itself if there is none."""
    last = quote
    while last and lines[last - 1].is_blank:
        last -= 1
    if last and lines[last - 1].mark is Mark.ATTRIBUTION:
        while last and lines[last - 1].mark is Mark.ATTRIBUTION:
            last -= 1
        return last
    shortest = quote
    for count in range(1, min(ATTRIBUTION_LINES, last) + 1):
        piece = lines[last - count : last]
        if piece[0].is_blank or piece[0].is_quote:
            break
        if phrases.is_attribution(_joined(piece)):
            if phrases.is_opening(piece[0].text):
                return last - count
            shortest = last - count if shortest == quote else shortest
    if shortest == quote and last and phrases.is_short_attribution(lines[last - 1].text):
        return last - 1
    return shortest


def _next_written(lines: Sequence[Line], at: int) -> int:
    while at < len(lines) and lines[at].is_blank:
        at += 1
    return at


def _joined(lines: Sequence[Line]) -> str:
    return " ".join(line.text.strip()[:300] for line in lines)[:800]
