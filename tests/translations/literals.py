"""Finds texts in templates that are not marked for translation."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import Environment

ATTRIBUTES = frozenset(
    {
        "alt",
        "aria-label",
        "data-confirm",
        "data-confirm-label",
        "data-confirm-text",
        "data-label",
        "placeholder",
        "title",
    }
)
FUNCTIONS = frozenset({"_", "gettext", "ngettext", "pgettext"})
NAMES = frozenset({'"Everdesk"', '"Not known"', '"narrow printed"'})
"""Names, values that are compared and classes of style: they look like texts and are none."""
MARKUP = re.compile(r"<\w+|/[\w/… ]+")
"""What is left of a tag or an address with statements in it."""
ADDRESS = re.compile(r"/[\w/]+")
VALUE = "\x00"
"""Stands for what a template puts in."""
LETTERS = re.compile(r"[^\W\d_]{2,}")
PROSE = re.compile(r"^[A-Z][a-z]+(?![\w-])|^[^=]*[a-z]+ [a-z]+")
"""A string of an expression that people may read: a capitalised word, or several words."""


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"style", "script", "code", "kbd"}:
            self._inside.append(tag)
        self.found += [value for name, value in attrs if name in ATTRIBUTES and value and LETTERS.search(value)]

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside and '="' not in data and LETTERS.search(data):
            text = " ".join(data.replace(VALUE, "…").split())
            self.found += [] if MARKUP.fullmatch(text) else [text]


def unmarked(path: Path) -> list[str]:
    """Returns the texts of a template that would stay English in every language."""
    source = path.read_text("utf-8")
    texts = "".join(_texts(source))
    if path.suffix == ".txt":
        lines = [ADDRESS.sub("", line) for line in texts.replace(VALUE, "").splitlines()]
        return [line for line in lines if LETTERS.search(line)] + _strings(source)
    page = _Page()
    page.feed(texts)
    page.close()
    return page.found + _strings(source)


def translated_values(path: Path) -> list[str]:
    """Returns what `_()` is called with other than literals: it would be taken as safe HTML."""
    names = "|".join(FUNCTIONS)
    return re.findall(rf"\b(?:{names})\((?!\s*[\"'])[^)]*", path.read_text("utf-8"))


def _texts(source: str) -> Iterator[str]:
    """Yields the text outside of expressions and `trans` blocks; each statement is one stand-in."""
    is_translated, previous = False, ""
    for _, kind, value in _environment().lex(source):
        if kind == "name" and previous == "block_begin" and value in ("trans", "endtrans"):
            is_translated = value == "trans"
        if kind == "data" and not is_translated:
            yield value
        elif kind in ("variable_end", "block_end"):
            yield VALUE if kind == "variable_end" else ""
        previous = kind if kind != "whitespace" else previous


def _strings(source: str) -> list[str]:
    """Returns the strings in expressions that look like prose and are no argument of a translating function."""
    tokens = [(kind, value) for _, kind, value in _environment().lex(source) if kind != "whitespace"]
    found, depth = [], 0
    for position, (kind, value) in enumerate(tokens):
        if kind == "operator" and value == "(":
            is_call = position > 0 and tokens[position - 1][1] in FUNCTIONS
            depth = depth + 1 if depth or is_call else 0
        elif kind == "operator" and value == ")" and depth:
            depth -= 1
        elif kind == "string" and not depth and PROSE.search(value[1:-1]) and "<" not in value and value not in NAMES:
            found.append(value)
    return found


def _environment() -> Environment:
    return Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
