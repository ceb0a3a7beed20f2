"""Unlabelled Chinese, Japanese and Korean, however short: a charset is judged by how common the words in it are."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from services.intake.mail.parsing.east_asian_words import JAPANESE, KOREAN, SIMPLIFIED, TRADITIONAL

Hints = Mapping[str, float]
"""What else speaks for a charset, by its codec: 0 for nothing up to 1 for certain."""
NO_HINTS: Final[Hints] = MappingProxyType({})
SAMPLE = 4_096
"""Bytes that are read; what is common shows early."""
FEWEST = 2
"""Characters beyond ASCII without which nothing is told."""
CLEAR = 0.6
"""The score from which a reading is believed."""
CLEAR_IF_SHORT = 0.8
"""The same for two characters."""
AHEAD = 0.12
"""By how much the best reading must lead, unless another one reads the same."""
LEAST = 0.3
"""The score that the words must reach by themselves, whatever the hints say."""
LEAST_IF_SETTLED = 0.15
"""The same for a piece of a mail of which the whole was told."""
_COMMON: Final = {
    "euc_jp": JAPANESE,
    "cp932": JAPANESE,
    "gb18030": SIMPLIFIED,
    "big5hkscs": TRADITIONAL,
    "cp949": KOREAN,
}
_JAPANESE = ("euc_jp", "cp932")
_LEVEL_ONE: Final = {
    "euc_jp": ("euc_jp", 0xB0, 0xCF),
    "cp932": ("euc_jp", 0xB0, 0xCF),
    "gb18030": ("gb2312", 0xB0, 0xD7),
    "big5hkscs": ("big5", 0xA4, 0xC6),
    "cp949": ("euc_kr", 0xB0, 0xC8),
}
"""Where a standard keeps its everyday characters: its codec, the first and the last lead byte."""
_EVERYDAY = 0.35


@dataclass(frozen=True, slots=True)
class CharsetCandidate:
    """Bytes read in one charset."""

    charset: str
    text: str
    words: float
    """How common what it says is, from below 0 to 1."""
    score: float
    """The same with what the hints add."""
    count: int
    """Of the characters that were judged."""


def charset_of(data: bytes, hints: Hints = NO_HINTS) -> str | None:
    """The one East Asian charset in which the bytes clearly say something, or None."""
    readings = _readings(data, hints)
    if not readings:
        return None
    best = max(readings, key=lambda one: one.score)
    rivals = [one.score for one in readings if one.text != best.text]
    enough = CLEAR if best.count > FEWEST else CLEAR_IF_SHORT
    is_clear = best.score >= enough and best.words >= LEAST and best.score - max(rivals, default=0.0) >= AHEAD
    return best.charset if is_clear else None


def best_of(data: bytes, charset: str, hints: Hints = NO_HINTS) -> str:
    """Instead of an East Asian charset that was guessed, the one that says most; any other guess as it is."""
    readings = _readings(data, hints) if charset in _COMMON else []
    return max(readings, key=lambda one: one.score).charset if readings else charset


def _readings(data: bytes, hints: Hints) -> list[CharsetCandidate]:
    return [found for charset in _COMMON if (found := _read(data, charset, hints)) is not None]


def reads_as(data: bytes, charset: str) -> bool:
    """Whether a piece of a mail that is in this charset may be in it too."""
    found = _read(data, charset, NO_HINTS)
    return found is not None and found.words >= LEAST_IF_SETTLED


def _read(data: bytes, charset: str, hints: Hints) -> CharsetCandidate | None:
    try:
        text = codecs.getincrementaldecoder(charset)().decode(data[:SAMPLE], final=len(data) <= SAMPLE)
    except UnicodeDecodeError:
        return None
    worths = [worth for at, one in enumerate(text) if not one.isascii() and (worth := _worth(text, at, charset))[0]]
    if len(worths) < FEWEST:
        return None
    words = sum(worth for _, worth in worths) / len(worths)
    return CharsetCandidate(charset, text, words, words + hints.get(charset, 0.0), len(worths))


def _worth(text: str, at: int, charset: str) -> tuple[bool, float]:
    """Whether a character counts, and how much it speaks for the charset."""
    one = text[at]
    if _is_punctuation(one):
        return False, 0.0
    if "\u3040" <= one <= "\u30ff":
        return True, 1.0 if charset in _JAPANESE else -0.5
    if one in _COMMON[charset]:
        return True, 1.0
    is_of_script = "\uac00" <= one <= "\ud7a3" if charset == "cp949" else "\u4e00" <= one <= "\u9fff"
    if is_of_script:
        return True, _EVERYDAY if _is_everyday(one, charset) else 0.0
    return True, 0.0 if "\uff61" <= one <= "\uff9f" or "\u4e00" <= one <= "\u9fff" else -0.5


def _is_punctuation(one: str) -> bool:
    return "\u3000" <= one <= "\u303f" or "\uff00" <= one <= "\uff60" or one in "·—…‘’“”№①②③④⑤㈱￥、。"  # noqa: RUF001


def _is_everyday(one: str, charset: str) -> bool:
    codec, first, last = _LEVEL_ONE[charset]
    encoded = one.encode(codec, "ignore")
    return len(encoded) == 2 and first <= encoded[0] <= last
