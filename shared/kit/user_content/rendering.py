"""A body as safe HTML and as text: what the libraries make of it, with no regard to how long they take."""

import html
import re
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from shared.contracts.vocabulary import BodyFormat

VERSION = 1
"""Of the rendering: raised when the same body is to look otherwise, so that what is kept is made anew."""
ATTACHED = "attachment:"
_PARAGRAPHS = re.compile(r"</(p|div|ul|ol|table|blockquote|pre|h[1-6])\s*>", re.IGNORECASE)
_BREAKS = re.compile(r"<br\s*/?>|</(li|tr)\s*>", re.IGNORECASE)
_PICTURE = re.compile(r'<img\b([^<>]*?) src="attachment:([0-9a-f-]{36})"([^<>]*)>')
_ANY_PICTURE = re.compile(r"<img\b[^<>]*>")
_SCHEMES = nh3.ALLOWED_URL_SCHEMES | {ATTACHED.rstrip(":")}
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False})


class Rendered(NamedTuple):
    """A body in both forms. Its own pictures are still named `attachment:<id>` (see `placed`)."""

    html: str
    text: str


def rendered(body: str, body_format: BodyFormat) -> Rendered:
    """Sanitised: links without a referrer, no pictures but attached ones."""
    match body_format:
        case BodyFormat.TEXT:
            return Rendered(f'<p class="plain">{escape(body)}</p>', body)
        case BodyFormat.MARKDOWN:
            return Rendered(_clean(_markdown.render(body)), body)
        case BodyFormat.HTML:
            return Rendered(_clean(body), _text(body))


def with_attachment_urls(safe: str, pictures: Mapping[UUID, str]) -> Markup:
    """Rendered HTML with each attached picture where `pictures` says it is, and without the others."""

    def place(found: re.Match[str]) -> str:
        before, picture, after = found.groups()
        address = pictures.get(UUID(picture))
        return f'<img{before} src="{escape(address)}"{after}>' if address else ""

    if not pictures:
        return Markup(_ANY_PICTURE.sub("", safe))  # noqa: S704 - sanitised
    return Markup(_PICTURE.sub(place, safe))  # noqa: S704 - sanitised


def _clean(raw: str) -> str:
    return nh3.clean(raw, attribute_filter=_kept, url_schemes=_SCHEMES, link_rel="noopener noreferrer nofollow")


def _kept(tag: str, attribute: str, value: str) -> str | None:
    """Pictures are attached ones, and nothing else names an attachment."""
    if (tag, attribute) == ("img", "src"):
        return _attached(value)
    if tag == "img":
        return value.replace("<", "").replace(">", "")
    return None if value.strip().lower().startswith(ATTACHED) else value


def _attached(source: str) -> str | None:
    scheme, _, name = source.strip().partition(":")
    try:
        return f"{ATTACHED}{UUID(name)}" if f"{scheme.lower()}:" == ATTACHED else None
    except ValueError:
        return None


def _text(body: str) -> str:
    parted = _BREAKS.sub("\n", _PARAGRAPHS.sub("\n\n", body))
    return html.unescape(nh3.clean(parted, tags=set())).strip()
