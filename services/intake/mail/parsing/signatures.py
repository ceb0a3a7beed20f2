"""Where a signature begins: it is short and has no sentences; a closing line such as "Regards" is none."""

# ruff: noqa: RUF001 - punctuation of other scripts is meant

import re
from collections.abc import Sequence

from services.intake.mail.parsing.lines import ANSWER, Cutting, MailLine, Mark
from services.intake.mail.parsing.quote_patterns import REASON, SENT_FROM
from services.intake.mail.parsing.sentences import is_contact, is_named, is_prose, is_sentence

MAX_LINES = 14
"""Written lines of a signature; what is longer was meant to be read."""
MAX_OPENING_LINES = 8
"""The same, of a mail that opens a ticket."""
_STANDARD = re.compile(r"^--\s{0,2}$")
_DELIMITER = re.compile(r"^\s?(?:--|\u2014|\u2013\u2013|-- -|__)\s{0,2}$")
_FOOTER = re.compile(r"^_{20,}\s*$")
_LIST = re.compile(
    r"mailing[ -]?list|list(?:info|serv|s\.)|@lists?\.|unsubscribe|abmelden|désabonner|liste de diffusion|"
    r"lista de (?:correo|discussão|distribu)|yahoo groups",
    re.IGNORECASE,
)
_DASH_NAME = re.compile(r"^-(\s?)([^\W\d_][\w.'\u2019-]*+(?:\s[^\W\d_][\w.'\u2019-]*+){0,3})\s*$")
_ITEM = re.compile(r"^\s{0,8}(?:[-*•+]\s?\S|\d{1,3}[.)]\s)")
_LOOK_BACK = 30


def signature_start(lines: Sequence[MailLine], end: int, cutting: Cutting = ANSWER) -> int:
    """The number of the line where the signature at the end of `lines[:end]` begins; `end` if there is none."""
    last = _last_written(lines, end)
    if last < 0:
        return end
    if not cutting.is_opening and _is_sent_from(lines[last].text):
        return last
    if lines[last].mark is Mark.SIGNATURE:
        return _marked(lines, last, end, cutting)
    found = _delimited(lines, end, cutting)
    return found if found < end or cutting.is_opening else _dash_name(lines, end, cutting)


def _delimited(lines: Sequence[MailLine], end: int, cutting: Cutting) -> int:
    """The highest delimiter below which everything is a signature."""
    delimiter = _STANDARD if cutting.is_opening else _DELIMITER
    below: list[str] = []
    found = end
    for at in range(end - 1, max(-1, end - 4 * MAX_LINES), -1):
        text = lines[at].text
        if not text.strip():
            continue
        if delimiter.match(text):
            if _is_signature(below, cutting) or _is_below_quote(lines, at, below, cutting):
                found = at
        elif _FOOTER.match(text):
            if not cutting.is_opening and _is_list_footer(below):
                found = at
        elif lines[at].is_quote or len(below) >= MAX_LINES or _is_no_part(text):
            break
        below.append(text)
    return found


def _is_below_quote(lines: Sequence[MailLine], at: int, below: Sequence[str], cutting: Cutting) -> bool:
    """Whether a motto without a stop stands below what was quoted, where few people go on writing."""
    above = _last_written(lines, at)
    return not cutting.is_opening and len(below) == 1 and above >= 0 and lines[above].is_quote


def _marked(lines: Sequence[MailLine], last: int, end: int, cutting: Cutting) -> int:
    """What a mail program marks as a signature, as long as it reads like one: people write into it too."""
    start = last
    while start and (lines[start - 1].mark is Mark.SIGNATURE or lines[start - 1].is_blank):
        start -= 1
    while lines[start].is_blank:
        start += 1
    texts = [line.text for line in lines[start:end] if not line.is_blank and not _DELIMITER.match(line.text)]
    has_sentence = len(texts) > MAX_LINES or any(_is_no_part(text) for text in texts)
    return end if has_sentence or (cutting.is_opening and not _is_signature(texts, cutting)) else start


def _is_no_part(text: str) -> bool:
    return is_sentence(text) and not _is_sent_from(text)


def _is_signature(below: Sequence[str], cutting: Cutting) -> bool:
    """Whether lines without sentences sign a mail, rather than go on with it."""
    texts = [text for text in below if not _DELIMITER.match(text) and not _FOOTER.match(text)]
    if not cutting.is_opening:
        return _may_sign(texts, cutting)
    if not texts or len(texts) > MAX_OPENING_LINES or not all(is_named(text) or is_contact(text) for text in texts):
        return False
    words = set(re.findall(r"[^\W\d_]{2,40}", " ".join(texts)[:1000].casefold()))
    return (
        bool(words & cutting.signer)
        if cutting.signer
        else any(is_named(text) and text.lower() != text.upper() for text in texts)
    )


def _may_sign(texts: Sequence[str], cutting: Cutting) -> bool:
    """Whether an answer may be signed so: a line written as a sentence is, but without its stop, needs company."""
    prose = sum(is_prose(text) and not _is_sent_from(text) for text in texts)
    if prose:
        return prose == 1 and is_named(texts[-1]) and any(is_contact(text) for text in texts)
    is_wide = len(texts) == 1 and texts[0].upper() == texts[0].lower() and not is_contact(texts[0])
    return not is_wide or any(word in texts[0].casefold() for word in cutting.signer)


def _is_list_footer(below: Sequence[str]) -> bool:
    return len(below) <= 6 and any(_LIST.search(text[:300]) for text in below)


def _is_sent_from(line: str) -> bool:
    """`Sent from my phone` and no more: people write sentences that begin like it."""
    plain = line.strip(" \t*_.[]()")
    return (
        len(plain) <= 160
        and SENT_FROM.match(plain) is not None
        and ", " not in plain
        and len(plain.split()) <= 12
        and REASON.search(plain.partition(" ")[2].partition("http")[0]) is None
    )


def _dash_name(lines: Sequence[MailLine], end: int, cutting: Cutting) -> int:
    """`-Dana` or `- Dana Ruiz` as the last line, alone after a blank one: an item of a list has company."""
    last = _last_written(lines, end)
    found = _DASH_NAME.match(lines[last].text[:200]) if last >= 1 else None
    if found is None or not lines[last - 1].is_blank:
        return end
    if cutting.signer:
        return last if set(re.findall(r"[^\W\d_]{2,40}", found[2].casefold())) & cutting.signer else end
    before = [line.text for line in lines[max(0, last - _LOOK_BACK) : last] if not line.is_blank]
    if not before or any(_ITEM.match(text) for text in before) or before[-1].rstrip().endswith((":", "：")):
        return end
    is_sure = not found[1] or " " in found[2] or before[-1].rstrip()[-1] in ".!?…,。！？"
    return last if is_sure and found[2][:1].isupper() else end


def _last_written(lines: Sequence[MailLine], end: int) -> int:
    last = end - 1
    while last >= 0 and lines[last].is_blank:
        last -= 1
    return last
