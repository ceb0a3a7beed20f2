"""HTML of mails made harmless: known tags, no picture that is not the mail's own, bounds of size and depth."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape, unescape
from urllib.parse import unquote, unquote_to_bytes

import nh3

from services.intake.mail.parsing.mail_attachments import MailAttachment
from services.intake.mail.parsing.transfer_encoding import undo
from shared.kit.user_content.limits import complaint

MAX_PICTURES = 100
"""Pictures in the HTML itself that are taken out of it."""
_STRAY_AMPERSAND = re.compile(r"&(?!#?\w{1,40};)")
_PROLOGUE = re.compile(r"\A\s*<\?xml[^<>]*>")
_DATA_PICTURE = re.compile(
    r"\bsrc\s{0,9}=\s{0,9}([\"']?)data:(image/[\w.+-]{1,40});base64,([\w+/=\s%-]*+)", re.IGNORECASE
)
_CID_PICTURE = re.compile(r'<img\b([^<>]*?)\bsrc="cid:([^"]*)"([^<>]*)>')

TAGS = (set(nh3.ALLOWED_TAGS) | {"font"}) - {"area", "map"}
ATTRIBUTES = {tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()} | {
    "img": {"src", "alt", "width", "height"}
}
SCHEMES = {"http", "https", "mailto", "tel"}
MARKING = {"class", "id", "style", "type", "data-marker", "data-smartmail", "name", "hidden"}
"""Attributes by which mail programs mark quotes, signatures and what is not seen; they are read, and then dropped."""
NOT_SHOWN = {"script", "style", "title"}
"""Elements whose content is nothing that was written."""


@dataclass(slots=True)
class Pictures:
    """Pictures that stand in the HTML itself, taken out of it as files."""

    files: list[MailAttachment] = field(default_factory=list)

    def take_out(self, html: str) -> str:
        """The HTML with a `cid:` link in place of each; what is too many stays where it is."""
        return _DATA_PICTURE.sub(self._replace, html, count=MAX_PICTURES)

    def _replace(self, found: re.Match[str]) -> str:
        quote, media_type, data = found.groups()
        number = len(self.files) + 1
        content = undo(unquote_to_bytes(data), "base64").content
        kind = media_type.lower().partition("/")[2].partition("+")[0]
        self.files.append(
            MailAttachment(f"picture-{number}.{kind}", media_type.lower(), content, f"picture-{number}@html")
        )
        return f"src={quote}cid:picture-{number}@html"


def is_digestible(html: str) -> bool:
    """Whether HTML is small, simple and flat enough to be read as HTML, which takes about a second at most."""
    return complaint(html) is None


def safe_html(html: str) -> str:
    """Only harmless tags and attributes; of pictures, only those that came with the mail."""
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_only_own_pictures,
        url_schemes=SCHEMES | {"cid"},
        link_rel="noopener noreferrer nofollow",
    )


def marked_html(html: str) -> str:
    """Well-formed HTML without scripts, in which quotes and foreign pictures can still be told."""
    marked = {"*": MARKING} | {tag: names | {"cite"} for tag, names in ATTRIBUTES.items()}
    return nh3.clean(
        _STRAY_AMPERSAND.sub("&amp;", _PROLOGUE.sub("", html, count=1)),
        tags=TAGS,
        clean_content_tags=NOT_SHOWN,
        attributes=marked,
        url_schemes=SCHEMES | {"cid"},
        link_rel=None,
    )


def _only_own_pictures(tag: str, attribute: str, value: str) -> str | None:
    """`cid:` is for pictures, and pictures are for `cid:`; a link that names no host would lead into our own pages."""
    if attribute not in ("src", "href", "cite"):
        return value
    scheme, _, rest = value.strip().partition(":")
    if tag == "img":
        return f"cid:{unquote(rest)}" if scheme.lower() == "cid" else None
    return value if scheme.lower() in SCHEMES else None


def own_pictures(html: str) -> frozenset[str]:
    """The content ids that safe HTML shows."""
    return frozenset(unescape(content_id) for _, content_id, _ in _CID_PICTURE.findall(html))


def with_attachments(html: str, ids: Mapping[str, str]) -> str:
    """Safe HTML with each `cid:` picture replaced by `attachment:<id>`, or by a remark where the file is not there."""

    def bound(found: re.Match[str]) -> str:
        before, content_id, after = found.groups()
        if (known := ids.get(unescape(content_id))) is None:
            return "[picture missing]"
        return f'<img{before}src="attachment:{escape(known)}"{after}>'

    return _CID_PICTURE.sub(bound, html)
