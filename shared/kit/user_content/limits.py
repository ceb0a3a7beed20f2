"""The one limit of digestibility: how large, deep and manifold foreign HTML may be. Every check here is linear."""

import html
import re
from typing import NamedTuple

from shared.contracts.vocabulary import BodyFormat

MAX_HTML = 524_288
"""Characters of HTML that are read as HTML."""
MAX_TAGS = 20_000
"""Beginnings and ends of elements."""
MAX_LINES = 50_000
MAX_ENTITIES = 20_000
MAX_NESTING = 100
"""Tags open at once: beyond, sanitisers become slow and parsers forget content or overflow their stack."""
MAX_CARRIED = 100_000
MAX_RENDERED = 2 * 1024 * 1024
"""Characters of the safe HTML that a body may become."""
MAX_RENDERED_TAGS = 2 * MAX_TAGS
LIGHT_HTML = 4096
LIGHT_MARKDOWN = 1024
"""Characters up to which a body is rendered where it is: some milliseconds at worst (quadratic in Markdown)."""
LIGHT_TAGS = 64
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})([^<>]*)")
_NEVER_OPEN = frozenset({
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"),
    *("p", "li", "dt", "dd", "option", "tr", "td", "th"),
})  # fmt: skip
_FOREIGN = frozenset({"svg", "math"})
"""Within these every element may hold others, and `/>` ends one."""
_FORMATTING = frozenset(
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"]
)
_LONG_TAG = re.compile(r"<[a-zA-Z][^<>]{32768}")
_SILENT = re.compile(r"<(script|style|title|head)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL)
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6]|hr)\b[^<>]{0,1000}>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[!/?a-zA-Z][^<>]*+>")


def find_size_fault(source: str) -> str | None:
    """What makes HTML indigestible as far as counting shows it, which takes no time."""
    if len(source) > MAX_HTML:
        return f"must be at most {MAX_HTML} characters of HTML"
    if source.count("<") > MAX_TAGS:
        return f"must have at most {MAX_TAGS} tags; send fewer elements, or plain text"
    if source.count("&") > MAX_ENTITIES:
        return f"must have at most {MAX_ENTITIES} character references; write the characters themselves"
    if source.count("\n") > MAX_LINES:
        return f"must have at most {MAX_LINES} lines"
    return None


def complaint(source: str) -> str | None:
    """What makes HTML indigestible, in words for whoever sent it; None if nothing does."""
    if wrong := find_size_fault(source):
        return wrong
    if _LONG_TAG.search(source):
        return "must have no tag longer than 32768 characters; attach pictures instead of writing them into the HTML"
    found = shape(source)
    if found.deepest > MAX_NESTING:
        return f"must have at most {MAX_NESTING} elements one within the other; send flatter HTML, or plain text"
    if found.carried > MAX_CARRIED:
        return "must close its formatting elements such as b and font; close each before the paragraph ends"
    return None


class Shape(NamedTuple):
    """How deep HTML is, and what parsers would add to it."""

    deepest: int
    """Tags open at once, at most; ends that close nothing do not count."""
    carried: int
    """Formatting elements open at each tag, summed up: where one is left open, parsers repeat it in each paragraph."""


def shape(source: str) -> Shape:
    """Counts open tags from the beginning to the end."""
    open_tags: dict[str, int] = {}
    depth = deepest = foreign = formatting = carried = 0
    for found in _TAG.finditer(source):
        end, name, rest = found.groups()
        tag = name.lower()
        carried += formatting
        if (tag in _NEVER_OPEN and not foreign) or (foreign and not end and rest.endswith("/")):
            continue
        if not end:
            open_tags[tag] = open_tags.get(tag, 0) + 1
            step = 1
        elif open_tags.get(tag):
            open_tags[tag] -= 1
            step = -1
        else:
            continue
        depth += step
        deepest = max(deepest, depth)
        foreign += step * (tag in _FOREIGN)
        formatting += step * (tag in _FORMATTING)
    return Shape(deepest, carried)


def is_light(source: str, body_format: BodyFormat) -> bool:
    """Whether a body is so small and plain that no library can spend much time on it."""
    match body_format:
        case BodyFormat.TEXT:
            return True
        case BodyFormat.MARKDOWN:
            return len(source) <= LIGHT_MARKDOWN
        case BodyFormat.HTML:
            return len(source) <= LIGHT_HTML and source.count("<") <= LIGHT_TAGS


def stripped(source: str) -> str:
    """What HTML says, in linear time and without regard to its layout."""
    text = _ANY_TAG.sub("", _BREAK.sub("\n", _SILENT.sub("", source)))
    lines = (" ".join(line.split()) for line in html.unescape(text).splitlines())
    return "\n".join(line for line in lines if line)
