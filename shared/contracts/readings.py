"""Readings of a text: an encoding undone, lines joined. Each knows where its characters come from."""

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

New = str | Callable[[re.Match[str]], str]
"""What is read in the place of a match."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One rewriting of a text: the pieces that were changed, in order."""

    text: str
    at: list[int]
    """Where each changed piece begins in the new text."""
    lengths: list[int]
    spans: list[tuple[int, int]]
    """Where it was in the old."""

    def before(self, position: int, *, is_end: bool) -> int:
        """Where a character was in the old text; with `is_end`, where what it came from ended."""
        found = bisect_right(self.at, position) - 1
        if found < 0:
            return position + is_end
        inside = position - self.at[found]
        start, end = self.spans[found]
        if inside < self.lengths[found]:
            return end if is_end else start
        return end + inside - self.lengths[found] + is_end


@dataclass(frozen=True, slots=True)
class Reading:
    """A text after some rewritings."""

    text: str
    layers: tuple[Layer, ...] = ()

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Where a piece of it is in the text that was read first."""
        last = end - 1
        for layer in reversed(self.layers):
            start, last = layer.before(start, is_end=False), layer.before(last, is_end=True) - 1
        return start, last + 1

    def rewritten(self, pattern: re.Pattern[str], new: New) -> "Reading":
        """A reading in which what matches is read as something else."""
        pieces: list[str] = []
        at: list[int] = []
        lengths: list[int] = []
        spans: list[tuple[int, int]] = []
        done = size = 0
        for found in pattern.finditer(self.text):
            instead = new if isinstance(new, str) else new(found)
            if instead == found[0]:
                continue
            size += found.start() - done
            pieces += [self.text[done : found.start()], instead]
            at.append(size)
            lengths.append(len(instead))
            spans.append(found.span())
            size, done = size + len(instead), found.end()
        if not spans:
            return self
        text = "".join([*pieces, self.text[done:]])
        return Reading(text, (*self.layers, Layer(text, at, lengths, spans)))

    def without(self, gap: "Gap") -> "Reading":
        """A reading in which lines are joined."""
        return self.rewritten(gap.whole, "")


Memory = dict[tuple[str, re.Pattern[str]], str]
"""What came of each rewriting, so that readings which agree in a step share it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The same without regard to where characters were, which is much faster: enough to see if anything is there."""

    text: str
    memory: Memory = field(default_factory=dict)

    def rewritten(self, pattern: re.Pattern[str], new: New) -> "Draft":
        """A reading in which what matches is read as something else."""
        if (text := self.memory.get((self.text, pattern))) is None:
            text = self.memory[self.text, pattern] = pattern.sub(new, self.text)
        return self._read_as(text)

    def without(self, gap: "Gap") -> "Draft":
        """The same; blanks are most of a gap, and gone fastest by themselves, after what depends on them."""
        if (text := self.memory.get((self.text, gap.whole))) is None:
            text = _BLANKS.sub("", gap.breaks.sub("", self.text).replace(" ", ""))
            self.memory[self.text, gap.whole] = text
        return self._read_as(text)

    def _read_as(self, text: str) -> "Draft":
        return self if text == self.text else Draft(text, self.memory)


Text = TypeVar("Text", Reading, Draft)
_ENCODED = re.compile(
    r"%[0-7][0-9A-Fa-f]|&(?:#(?:[0-9]+|[xX][0-9A-Fa-f]+)(?:;|(?=[G-Zg-z._/%&:-]))|[A-Za-z]{2,10};)|\\u00[0-7][0-9A-Fa-f]"
)
"""Numbers of entities may have any number of zeros before them, and no semicolon."""
_MARKED = {"quoted": re.compile(r"=([2-7][0-9A-Fa-f])"), "rewritten": re.compile(r"-([2-7][0-9A-Fa-f])")}
"""Quoted-printable, and what a link-rewriter makes of percent signs."""
_SOFT = re.compile(r"=[ \t]*\r?\n")
_MOST = 4
"""How often something may have been encoded."""
_HIDDEN = (
    "\x00\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
"""Characters nobody sees: soft hyphens, marks of direction, joiners, variants."""
_ESCAPABLE = r"(?=[\\\-_.:/~=?&%#*])"
"""What Markdown and JSON write a backslash before, to keep it from meaning something."""
_NEW_LINE = r"(?:\r\n|\r|\n|\u2028|\u2029)"
_BLANK = rf"[ \t\u00a0\u2000-\u200a\u202f\x0b\x0c{_HIDDEN}]"
_BLANKS = re.compile(rf"{_BLANK}+")
_INDENT = r"[ \t\u00a0\0]*"
_SIGN = rf"[>|]{_INDENT}"
_INITIALS = rf"[A-Za-z]{{1,4}}{_SIGN}"


@dataclass(frozen=True, slots=True)
class Gap:
    """What a mail client puts where it breaks a line, and quotes it."""

    whole: re.Pattern[str]
    breaks: re.Pattern[str]
    """The same but for blanks; told by its first character, which finds it several times faster."""

    @classmethod
    def of(cls, prefix: str) -> "Gap":
        """With what stands before a quoted line."""
        return cls(
            re.compile(rf"=?{_NEW_LINE}{prefix}|{_BLANK}+|\\{_ESCAPABLE}"),
            re.compile(
                rf"[=\r\n\u2028\u2029\\](?:(?<=\\){_ESCAPABLE}|(?<==){_NEW_LINE}{prefix}"
                rf"|(?<=\r)\n?{prefix}|(?<=[\n\u2028\u2029]){prefix})"
            ),
        )


_USUAL = (Gap.of(rf"{_INDENT}(?:[A-Za-z]{{0,4}}{_SIGN})*"),)
_INITIALED = re.compile(rf"(?:\r\n|[\r\n\u2028\u2029]){_INDENT}(?:{_SIGN})*{_INITIALS}")
_GAPS = (
    *_USUAL,
    Gap.of(rf"{_INDENT}(?:{_SIGN})*"),
    Gap.of(rf"{_INDENT}(?:{_SIGN})*(?:{_INITIALS})?(?:{_SIGN}|{_INITIALS}(?=(?:{_SIGN})*{_INITIALS}))*"),
)
"""Letters and a sign are the initials of whom a line quotes, or the end of a link: all of them, none, all but one."""
_NAME = r"[^\W\d_][\w.,'\u2019 -]{0,40}[>|][ \t>|]*"
_NAMES = re.compile(rf"(?:\r\n|\r|\n)[ \t>|]*(?:{_NAME})+")
_ONE_NAME = re.compile(rf"(?:\r\n|\r|\n)[ \t>|]*{_NAME}")
"""A quoted line that begins with the name of who wrote it; what seems another may be the end of a link."""
_DEFANGED = re.compile(r"[\[({](?:([.:/_-]{1,3})|dot)[\])}]", re.IGNORECASE)
"""How a gateway or a careful person makes an address unusable."""
_TAG = re.compile(r"<(?![hH][tT][tT][pP])[^<>]{0,2000}>")
_PARSED_TAG = re.compile(
    r"<!--(?>[\s\S]*?(?:-->|\Z))"
    r"|<(?![hH][tT][tT][pP])[A-Za-z/!?](?>(?:=\s*(?:\"[^\"]*(?:\"|\Z)|'[^']*(?:'|\Z))|[^>])*)(?:>|\Z)"
)
"""The same as a browser reads it: a value may hold any sign, and what never ends goes on to the end."""


def _plain(char: re.Match[str]) -> str:
    code = char[0]
    if code.startswith("&#"):
        return _numbered(code)
    if code.startswith("&"):
        return html.unescape(code)
    return chr(int(code[-2:], 16))


def _numbered(code: str) -> str:
    """A number too large for a character is left alone: reading thousands of digits is slow, and refused by Python."""
    is_hex = code[2] in "xX"
    number = code[3 if is_hex else 2 :].rstrip(";").lstrip("0")
    return html.unescape(f"&#{'x' if is_hex else ''}{number};") if 0 < len(number) < len("1114111") + 1 else code


def _decoded(reading: Text) -> Text:
    for _ in range(_MOST):
        again = reading.rewritten(_ENCODED, _plain)
        if again is reading:
            break
        reading = again
    return reading


def _marked(code: re.Match[str]) -> str:
    return chr(int(code[1], 16))


def _undefanged(sign: re.Match[str]) -> str:
    return sign[1] or "."


@dataclass(frozen=True, slots=True)
class ReadingVariant:
    """How a text is read."""

    mark: str | None = None
    """Which sign stands for a percent sign."""
    tags: re.Pattern[str] | None = None
    """What is left out as a tag."""
    names: re.Pattern[str] | None = None
    """What is left out at the beginning of lines, as the names of whom they quote."""


def read(text: Text, variant: ReadingVariant) -> Text | None:
    """A text as it may have been meant, but for its gaps; None where another reading says the same."""
    found = _unmarked(text, variant.mark)
    if found is not None and variant.tags is not None:
        found = _changed(found, variant.tags)
    return _changed(found, variant.names) if found is not None and variant.names is not None else found


def gaps_of(text: Draft) -> tuple[Gap, ...]:
    """How its lines may be joined."""
    return _GAPS if _INITIALED.search(text.text) else _USUAL


def joined(text: Text, gap: Gap) -> Text:
    """The end of a reading. A tag may have broken a line, and what follows it may be quoted."""
    return _decoded(text.without(gap).rewritten(_DEFANGED, _undefanged))


def _unmarked(text: Text, mark: str | None) -> Text | None:
    """Decoded, after what its mark encodes; None if it holds no such mark."""
    if mark is None:
        return _decoded(text)
    soft = text.rewritten(_SOFT, "") if mark == "quoted" else text
    unmarked = soft.rewritten(_MARKED[mark], _marked)
    return None if unmarked is soft else _decoded(unmarked)


def _changed(text: Text, pattern: re.Pattern[str]) -> Text | None:
    """Without what matches; None if nothing does."""
    bare = text.rewritten(pattern, "\n")
    return None if bare is text else bare


_VARIANTS: tuple[ReadingVariant, ...] = tuple(
    ReadingVariant(mark, tags, names)
    for names in (None, _NAMES, _ONE_NAME)
    for mark in (None, "quoted", "rewritten")
    for tags in (None, _PARSED_TAG, _TAG)
)
_SIGNS = {None: "", "quoted": "=", "rewritten": "-"}


def variants_of(text: str) -> Iterator[ReadingVariant]:
    """How a text is read besides as it stands; left out is what needs a sign that it does not have."""
    is_encoded = any(sign in text for sign in "%&\\")
    for variant in _VARIANTS:
        may_hold_signs = is_encoded or variant.mark is not None
        has_tags = variant.tags is None or may_hold_signs or "<" in text
        has_names = variant.names is None or may_hold_signs or ">" in text or "|" in text
        if _SIGNS[variant.mark] in text and has_tags and has_names:
            yield variant
