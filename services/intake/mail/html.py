"""HTML of mails: made safe, its pictures bound to the mail's own files, and read as text within bounds."""

import re
from collections.abc import Mapping
from html import escape, unescape

import nh3
from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

MAX_HTML = 1_048_576
"""Characters of HTML that are read as HTML."""
MAX_NESTING = 150
"""Tags open at once beyond which HTML is read as text only: sanitisers become slow and parsers forget content."""
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})")
_NEVER_OPEN = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
    + ("p", "li", "dt", "dd", "option", "tr", "td", "th")
)
_SILENT = re.compile(r"<(script|style|title|head)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL)
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6]|hr)\b[^<>]*>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[!/?a-zA-Z][^<>]*+>")
_PROLOGUE = re.compile(r"\s*<\?xml[^>]*>")
_CID = re.compile(r'<img\b[^>]*?\bsrc="cid:([^"]*)"[^>]*>')
_LOOKS = ParserConfig(css=CSS_PROFILES["strict"])

TAGS = (nh3.ALLOWED_TAGS | {"font"}) - {"area", "map"}
ATTRIBUTES = {name: set(allowed) for name, allowed in nh3.ALLOWED_ATTRIBUTES.items()} | {
    "img": {"src", "alt", "width", "height"}
}


def is_digestible(html: str) -> bool:
    """Whether HTML is small and flat enough to be read as HTML."""
    return len(html) <= MAX_HTML and nesting(html) <= MAX_NESTING


def nesting(html: str) -> int:
    """How many tags are open at once, at most; ends that close nothing do not count."""
    open_tags: dict[str, int] = {}
    depth = deepest = 0
    for end, name in _TAG.findall(html):
        tag = name.lower()
        if tag in _NEVER_OPEN:
            continue
        if not end:
            open_tags[tag] = open_tags.get(tag, 0) + 1
            depth += 1
            deepest = max(deepest, depth)
        elif open_tags.get(tag):
            open_tags[tag] -= 1
            depth -= 1
    return deepest


def safe_html(html: str) -> str:
    """Only harmless tags and attributes; of pictures, only those that came with the mail."""
    return nh3.clean(
        _PROLOGUE.sub("", html, count=1),
        tags=set(TAGS),
        attributes=ATTRIBUTES,
        attribute_filter=_only_own_pictures,
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        link_rel="noopener noreferrer nofollow",
    )


def _only_own_pictures(tag: str, attribute: str, value: str) -> str | None:
    is_cid = value.strip().lower().startswith("cid:")
    if tag == "img" and attribute == "src":
        return "cid:" + value.strip()[4:] if is_cid else None
    return None if is_cid and attribute in ("href", "src", "cite") else value


def with_attachments(html: str, ids: Mapping[str, str]) -> str:
    """Safe HTML with each `cid:` picture replaced by `attachment:<id>`, or by a remark where the file is not there."""

    def bound(found: re.Match[str]) -> str:
        if (known := ids.get(unescape(found[1]))) is None:
            return "[picture missing]"
        return found[0].replace(f'src="cid:{found[1]}"', f'src="attachment:{escape(known)}"')

    return _CID.sub(bound, html)


def html_as_text(html: str) -> str:
    """What HTML says, laid out as text."""
    if not html.strip():
        return ""
    return "\n".join(line.rstrip() for line in str(get_text(html, _LOOKS)).splitlines()).strip("\n")


def stripped(html: str) -> str:
    """What HTML says, in linear time and without regard to its layout."""
    text = _ANY_TAG.sub("", _BREAK.sub("\n", _SILENT.sub("", html)))
    lines = (" ".join(line.split()) for line in unescape(text).splitlines())
    return "\n".join(line for line in lines if line)
