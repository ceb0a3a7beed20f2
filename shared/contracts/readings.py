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
_ENCODED = re.compile(r"%[0-7][0-9A-Fa-f]|&(?:#[0-9]{2,7}|#[xX][0-9A-Fa-f]{2,6}|[A-Za-z]{2,10});|\\u00[0-7][0-9A-Fa-f]")
_MARKED = {"quoted": re.compile(r"=([2-7][0-9A-Fa-f])"), "rewritten": re.compile(r"-([2-7][0-9A-Fa-f])")}
"""Quoted-printable, and what a link-rewriter makes of percent signs."""
_SOFT = re.compile(r"=[ \t]*\r?\n")
_MOST = 4
"""How often something may have been encoded."""
_HIDDEN = "\x00\u00ad\u200b\u200c\u200d\u2060\ufeff"
_PREFIX = r"[ \t\u00a0\0]*(?:[A-Za-z]{0,4}[>|][ \t\u00a0\0]*)*"
_GAP = re.compile(rf"=?(?:\r\n|\r|\n|\u2028|\u2029){_PREFIX}|[ \t\u00a0\x0b\x0c{_HIDDEN}]+|\\\\(?=[-_.])")
"""What a mail client puts where it breaks a line, and quotes it."""
_TAG = re.compile(r"<(?![hH][tT][tT][pP])[^<>]{0,2000}>")


def _plain(char: re.Match[str]) -> str:
    code = char[0]
    if code.startswith("&"):
        return html.unescape(code)
    return chr(int(code[-2:], 16))


def _decoded(reading: Text) -> Text:
    for _ in range(_MOST):
        again = reading.rewritten(_ENCODED, _plain)
        if again is reading:
            break
        reading = again
    return reading


def _marked(code: re.Match[str]) -> str:
    return chr(int(code[1], 16))


def read(text: Text, mark: str | None, *, has_tags: bool) -> Text | None:
    """A text as it may have been meant; None where another reading says the same.

    A tag may have broken a line, and what follows it may be quoted.
    """
    if mark is not None:
        unmarked = text.rewritten(_SOFT, "") if mark == "quoted" else text
        text = unmarked.rewritten(_MARKED[mark], _marked)
        if text is unmarked:
            return None
    text = _decoded(text)
    if not has_tags:
        bare = text.rewritten(_TAG, "\n")
        if bare is text:
            return None
        text = bare
    return _decoded(text.rewritten(_GAP, ""))


WAYS: tuple[tuple[str | None, bool], ...] = tuple(
    (mark, has_tags) for mark in (None, "quoted", "rewritten") for has_tags in (True, False)
)
"""How a text is read besides as it stands."""
