"""Readings of a text: an encoding undone, lines joined. Each knows where its characters come from."""

import html
import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Draft:
    """The same without a memory, which is much faster: enough to see whether there is anything to be found."""

    text: str

    def rewritten(self, pattern: re.Pattern[str], new: New) -> "Draft":
        """A reading in which what matches is read as something else."""
        text = pattern.sub(new, self.text)
        return self if text == self.text else Draft(text)


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
_PREFIX = r"[ \t\u00a0\0]*(?:[A-Za-z]{0,4}[>|][ \t\u00a0\0]*)*"
_ESCAPE = r"\\(?=[\\\-_.:/~=?&%#*])"
"""How Markdown and JSON keep a character from meaning something."""
_GAP = re.compile(
    rf"=?(?:\r\n|\r|\n|\u2028|\u2029){_PREFIX}|[ \t\u00a0\u2000-\u200a\u202f\x0b\x0c{_HIDDEN}]+|{_ESCAPE}"
)
"""What a mail client puts where it breaks a line, and quotes it."""
_NAMED = re.compile(r"(?:\r\n|\r|\n)[ \t>|]*(?:[^\W\d_][\w.,'\u2019 -]{0,40}[>|][ \t>|]*)+")
"""A quoted line that begins with the name of who wrote it."""
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
class Way:
    """How a text is read."""

    mark: str | None = None
    """Which sign stands for a percent sign."""
    tags: re.Pattern[str] | None = None
    """What is left out as a tag."""
    is_named: bool = False
    """Lines begin with the name of whom they quote."""


def read(text: Text, way: Way, steps: dict[tuple[object, ...], Text | None] | None = None) -> Text | None:
    """A text as it may have been meant; None where another reading says the same.

    A tag may have broken a line, and what follows it may be quoted. `steps` is kept from one way to the next.
    """
    steps = {} if steps is None else steps
    if (way.mark,) not in steps:
        steps[way.mark,] = _unmarked(text, way.mark)
    found = steps[way.mark,]
    if found is not None and way.tags is not None:
        if (way.mark, way.tags) not in steps:
            steps[way.mark, way.tags] = _changed(found, way.tags)
        found = steps[way.mark, way.tags]
    if found is not None and way.is_named:
        found = _changed(found, _NAMED)
    return None if found is None else _decoded(found.rewritten(_GAP, "").rewritten(_DEFANGED, _undefanged))


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


WAYS: tuple[Way, ...] = tuple(
    Way(mark, tags, is_named)
    for is_named in (False, True)
    for mark in (None, "quoted", "rewritten")
    for tags in (None, _PARSED_TAG, _TAG)
)
"""How a text is read besides as it stands."""
