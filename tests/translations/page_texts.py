"""What people read on a page in the pseudo language, and how much of it nobody translated."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from shared.kit.i18n.messages import END, RIGHT_TO_LEFT

READ_ATTRIBUTES = frozenset(
    {
        "alt",
        "aria-label",
        "data-confirm",
        "data-confirm-label",
        "data-confirm-text",
        "data-label",
        "label",
        "placeholder",
        "title",
    }
)
NOT_READ = frozenset({"code", "kbd", "pre", "script", "style", "textarea", "time"})
"""Elements of instants, of names that programs know, and of what somebody wrote."""
WRITTEN = frozenset({"message-body", "prose", "preview"})
"""Classes of elements that hold what people wrote."""
VOID = frozenset({"br", "col", "hr", "img", "input", "link", "meta", "path", "rect", "source", "wbr"})
TRANSLATED = re.compile(f"{RIGHT_TO_LEFT}[^{END}]*{END}")
MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)[a-z]{0,6}"
INSTANT = re.compile(rf"\b\d{{1,2}} {MONTH}( \d{{4}})?(, \d\d:\d\d)?( UTC)?\b|\d{{4}}-\d\d-\d\d(T[\d:.]+(Z|\+00:00)?)?")
AMOUNT = re.compile(r"-?\b\d[\d.,]*\s?(days?|d|h|min|s|kB|MB|GB|KiB|MiB|Bytes?|kb|%|st|nd|rd|th)\b|\b(?:and|or)\b")
"""Amounts, numbers of a series, and what CLDR joins lists with: the pseudo language has those of English."""
WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass
class PageTexts(HTMLParser):
    """The texts of one page and its links, in the order in which they stand there."""

    texts: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    _open: list[tuple[str, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    @classmethod
    def of(cls, page: str) -> "PageTexts":
        """Reads a page."""
        found = cls()
        found.feed(page)
        found.close()
        return found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes links and attributes that are read out or shown."""
        values = {name: value or "" for name, value in attrs}
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        self.texts += [value for name, value in values.items() if name in READ_ATTRIBUTES]
        is_hidden = tag in NOT_READ or bool(WRITTEN & set(values.get("class", "").split()))
        if tag not in VOID:
            self._open.append((tag, is_hidden))

    def handle_endtag(self, tag: str) -> None:
        """Leaves the element."""
        while any(name == tag for name, _ in self._open):
            if self._open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        """Notes a text that is shown."""
        if not any(is_hidden for _, is_hidden in self._open):
            self.texts.append(data)

    def untranslated(self, data: Iterable[str]) -> Iterator[str]:
        """Yields what is left of each text without its translations, instants, amounts and known data."""
        return left_of(self.texts, data)


def left_of(texts: Iterable[str], data: Iterable[str]) -> Iterator[str]:
    """Yields what is left of texts in the pseudo language: words that are neither translated nor data."""
    known = _pattern(data)
    for text in texts:
        left = known.sub(" ", TRANSLATED.sub(" ", text))
        left = " ".join(AMOUNT.sub(" ", INSTANT.sub(" ", left)).split())
        if WORD.search(left):
            yield left


def _pattern(data: Iterable[str]) -> re.Pattern[str]:
    """Finds any of the texts where it stands between other characters than letters; the longest first."""
    wanted = sorted({" ".join(one.split()) for one in data if one.strip()}, key=len, reverse=True)
    if not wanted:
        return re.compile("(?!)")
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, wanted))})(?!\w)")
