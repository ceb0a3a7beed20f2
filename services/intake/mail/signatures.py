"""Where a signature begins, by the few signs that are surer than a guess; a closing line such as "Regards" is none."""

import re
from collections.abc import Sequence

from services.intake.mail.lines import Line
from services.intake.mail.phrases import SENT_FROM

MAX_LINES = 14
"""Written lines of a signature; what is longer was meant to be read."""
_DELIMITER = re.compile(r"^\s?(?:--|\u2014|\u2013\u2013|-- -|__)\s{0,2}$")
_FOOTER = re.compile(r"^_{20,}\s*$")
_DASH_NAME = re.compile(r"^-\s?[^\W\d_][\w.'\u2019-]*+(?:\s[^\W\d_][\w.'\u2019-]*+){0,3}\s*$")
_ITEM = re.compile(r"^\s{0,3}[-*•]\s?\S")


def signature_start(lines: Sequence[Line], end: int) -> int:
    """The number of the line where the signature at the end of `lines[:end]` begins; `end` if there is none."""
    written = 0
    found = end
    for at in range(end - 1, max(-1, end - 4 * MAX_LINES), -1):
        line = lines[at].text
        if not line.strip():
            continue
        written += 1
        if written > MAX_LINES + 1 or lines[at].is_quote:
            break
        if _DELIMITER.match(line) or _FOOTER.match(line) or (written <= 3 and _is_sent_from(line)):
            found = at
    return found if found < end else _dash_name(lines, end)


def _is_sent_from(line: str) -> bool:
    """`Sent from my phone` and no more: people write sentences that begin like it."""
    plain = line.strip(" \t*_.")
    return SENT_FROM.match(plain) is not None and ", " not in plain and len(plain.split()) <= 12


def _dash_name(lines: Sequence[Line], end: int) -> int:
    """`-Dana` or `- Dana Ruiz` as the last line, alone after a blank one: an item of a list has company."""
    last = end - 1
    while last >= 0 and lines[last].is_blank:
        last -= 1
    if last < 1 or not _DASH_NAME.match(lines[last].text[:200]) or not lines[last - 1].is_blank:
        return end
    before = next((lines[at].text for at in range(last - 1, -1, -1) if not lines[at].is_blank), "")
    return end if _ITEM.match(before) or not before else last
