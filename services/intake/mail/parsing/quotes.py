"""Where the text a person wrote ends and what they quoted or signed begins; in doubt, all of it is theirs.

There is one cut: what is above it is shown, what is below it is kept. Answers between quotes are therefore shown with
the quotes they answer. Of a mail that opens a ticket only two things are folded away: a quotation at its end that is
of a mail of ours, and a signature below the standard delimiter.
"""

# ruff: noqa: RUF001 - punctuation of other scripts is meant

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.intake.mail.parsing import quote_patterns
from services.intake.mail.parsing.attributions import (
    is_attribution,
    is_full_attribution,
    is_opening,
    is_short_attribution,
    parting,
)
from services.intake.mail.parsing.lines import ANSWER, Cutting, MailLine, Mark
from services.intake.mail.parsing.pasted_output import is_pasted
from services.intake.mail.parsing.quoted_headers import is_header
from services.intake.mail.parsing.signatures import signature_start

ATTRIBUTION_LINES = 6


@dataclass(frozen=True, slots=True)
class Cut:
    """A text in two: together they are the whole."""

    visible: str
    quoted: str


def cut(text: str, cutting: Cutting = ANSWER) -> Cut:
    """Parts a text. If nothing of their own would be left to see, everything is shown."""
    starts = _starts(text)
    ends = [*starts[1:], len(text) + 1]
    lines = [MailLine(text[start:end].removesuffix("\n")) for start, end in zip(starts, ends, strict=True)]
    at = first_foreign(lines, cutting)
    offset = starts[at] if at < len(starts) else len(text)
    visible = text[:offset] if text[:offset].endswith("\n") else text[:offset].rstrip(" \t" if at < len(starts) else "")
    return Cut(visible.strip("\n"), text[offset:].strip("\n"))


def first_foreign(lines: Sequence[MailLine], cutting: Cutting = ANSWER) -> int:
    """The number of the line from which on nothing is the writer's own; the count of lines if all of it is."""
    end = _end_of_opening(lines, cutting) if cutting.is_opening else _end_of_answer(lines, cutting)
    return end if _says_something(lines[:end]) else len(lines)


def _end_of_opening(lines: Sequence[MailLine], cutting: Cutting) -> int:
    """Above what is proven: a quotation of ours that ends the mail, and a standard signature."""
    end = written = _written_end(lines, len(lines))
    start = _quote_start(lines, end)
    if any(quote_patterns.OWN_DELIMITER.match(line.text[:200].lstrip("> \t")) for line in lines[start:end]):
        above = _attribution_start(lines, start)
        said = " ".join(line.text.strip() for line in lines[above:start])
        is_proven = is_full_attribution(said) or (above < start and lines[above].mark is Mark.ATTRIBUTION)
        end = written = _written_end(lines, above if is_proven else start)
    end = signature_start(lines, end, cutting)
    return len(lines) if end == written == _written_end(lines, len(lines)) else end


def _end_of_answer(lines: Sequence[MailLine], cutting: Cutting) -> int:
    end = _announced(lines)
    attributions = [at for at, line in enumerate(lines[:end]) if line.text.strip() and _ends_unmarked(lines, at)]
    last_quote = end
    while True:
        before = end
        end = _without_tail(lines, end, cutting)
        last_quote = min(last_quote, end)
        while last_quote > 0 and not lines[last_quote - 1].is_quote:
            last_quote -= 1
        below = end
        while attributions and attributions[-1] >= last_quote:
            at = attributions.pop()
            below = at if at < end else below
        end = min(end, below)
        if end == before:
            return end


def _announced(lines: Sequence[MailLine]) -> int:
    """The first line that says that somebody else's mail follows."""
    for at, line in enumerate(lines):
        if line.mark is Mark.END or (not line.is_quote and _announces(lines, at)):
            return at
    return len(lines)


def _announces(lines: Sequence[MailLine], at: int) -> bool:
    text = lines[at].text
    if not text.strip() or len(text) > 400:
        return False
    if (
        quote_patterns.DELIMITER.match(text)
        or quote_patterns.ORIGINAL.match(text)
        or quote_patterns.BEGIN_FORWARDED.match(text.strip())
    ):
        return True
    below = _next_written(lines, at + 1) if quote_patterns.RULE.match(text) else at
    return is_header(lines, below) and not _is_led_to(lines, at)


def _is_led_to(lines: Sequence[MailLine], at: int) -> bool:
    """Whether the line above says `I got this:`, so that what follows was pasted to be read, its first fields too."""
    while at and quote_patterns.FIELD.match(lines[at - 1].text[:200]):
        at -= 1
    above = next((line.text.strip() for line in reversed(lines[max(0, at - 4) : at]) if not line.is_blank), "")
    return above.endswith((":", "：")) and not is_short_attribution(above)


def _ends_unmarked(lines: Sequence[MailLine], at: int) -> bool:
    """Whether an attribution stands here, below which the quote need not be marked as one."""
    if lines[at].is_quote or len(lines[at].text) > 400 or _is_led_to(lines, at):
        return False
    for count, joined in _joinings(lines, at):
        if is_full_attribution(joined) and (count == 1 or is_opening(lines[at].text)):
            return True
    return False


def _joinings(lines: Sequence[MailLine], at: int) -> Iterator[tuple[int, str]]:
    """The line, it and the next, and so on; a blank one may stand before an address in angle brackets only."""
    joined = ""
    count = 0
    for number, line in enumerate(lines[at : at + ATTRIBUTION_LINES]):
        if line.is_blank:
            following = lines[at + number + 1].text.strip() if at + number + 1 < len(lines) else ""
            if not number or not following.startswith(("<", "mailto:", "> ")):
                return
            continue
        joined = f"{joined} {line.text.strip()[:300]}"[:800].strip()
        count += 1
        yield count, joined


def _without_tail(lines: Sequence[MailLine], end: int, cutting: Cutting) -> int:
    """`end` moved up by one blank tail, signature or quote with its attribution, if there is one."""
    end = _written_end(lines, end)
    start = _quote_start(lines, end)
    if start == end:
        return signature_start(lines, end, cutting)
    attribution = _attribution_start(lines, start)
    return end if attribution == start and is_pasted(lines, start, end) else attribution


def _written_end(lines: Sequence[MailLine], end: int) -> int:
    while end and lines[end - 1].is_blank:
        end -= 1
    return end


def _quote_start(lines: Sequence[MailLine], end: int) -> int:
    start = end
    while start and (lines[start - 1].is_quote or lines[start - 1].is_blank):
        start -= 1
    return start if start < end else end


def _attribution_start(lines: Sequence[MailLine], quote: int) -> int:
    """Where the attribution above a quote begins; the quote itself if there is none."""
    last = _written_end(lines, quote)
    if last and lines[last - 1].mark is Mark.ATTRIBUTION:
        while last and lines[last - 1].mark is Mark.ATTRIBUTION:
            last -= 1
        return last
    shortest = quote
    for start in range(last - 1, max(-1, last - 1 - ATTRIBUTION_LINES), -1):
        if lines[start].is_quote:
            break
        if lines[start].is_blank:
            continue
        joined = list(_joinings(lines[:last], start))
        if not joined or sum(not line.is_blank for line in lines[start:last]) != joined[-1][0]:
            break
        if is_attribution(joined[-1][1]):
            if is_opening(lines[start].text):
                return start
            shortest = start if shortest == quote else shortest
    return shortest


def _says_something(lines: Sequence[MailLine]) -> bool:
    """Whether more than a greeting stands there."""
    written = [line.text.strip() for line in lines if not line.is_blank]
    return len(written) > 1 or (len(written) == 1 and not quote_patterns.GREETING.match(written[0][:200]))


def _next_written(lines: Sequence[MailLine], at: int) -> int:
    while at < len(lines) and lines[at].is_blank:
        at += 1
    return at


def _starts(text: str) -> list[int]:
    """Where lines begin; an attribution behind somebody's own words begins one too."""
    starts = [0]
    at = text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    plain = [*starts, len(text) + 1]
    lines = [MailLine(text[start : end - 1]) for start, end in pairwise(plain)]
    parted = []
    for number, line in enumerate(lines):
        if line.is_quote or len(line.text) > 400 or (offset := parting(line.text)) is None:
            continue
        rest = [MailLine(line.text[offset:]), *lines[number + 1 : number + ATTRIBUTION_LINES]]
        if any(is_full_attribution(joined) for _, joined in _joinings(rest, 0)):
            parted.append(starts[number] + offset)
    return sorted({*starts, *parted})
