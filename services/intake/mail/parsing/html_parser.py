"""The HTML of a mail in three: what its writer says as safe HTML and as text, and what they quote."""

from dataclasses import dataclass
from html import escape

from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.html_engine import Inscriptis
from inscriptis.html_properties import Display
from inscriptis.model.config import ParserConfig
from inscriptis.model.html_element import HtmlElement as LaidOut
from lxml import etree
from lxml.html import HtmlElement

from services.intake.mail.parsing.hidden_html import take_hidden
from services.intake.mail.parsing.html_lines import BLOCKS, Lines, cut_tree
from services.intake.mail.parsing.html_sanitizer import marked_html, safe_html
from services.intake.mail.parsing.lines import ANSWER, Cutting
from services.intake.mail.parsing.quotes import first_foreign
from shared.kit.user_content.limits import MAX_RENDERED, MAX_RENDERED_TAGS, stripped

_BLOCK = LaidOut(display=Display.block)
_LAYOUT = ParserConfig(css=dict.fromkeys(BLOCKS - {"br"}, _BLOCK) | CSS_PROFILES["strict"])
"""The layout of the library, which does not know all elements that end a line."""
_TINY = ("0", "1", "2", "0px", "1px", "2px")


@dataclass(frozen=True, slots=True)
class ReadHtml:
    """What there is to show."""

    html: str
    text: str
    quoted: str
    blocked: int
    """Pictures that would have been fetched from elsewhere."""

    @property
    def is_blank(self) -> bool:
        """Whether it shows nothing at all."""
        return not self.text.strip() and "<img" not in self.html


def read_html(html: str, cutting: Cutting = ANSWER) -> ReadHtml:
    """Reads digestible HTML (see `html.is_digestible`); nothing if parsers make far more of it than was written."""
    marked = marked_html(html)
    if len(marked) > MAX_RENDERED or marked.count("<") > MAX_RENDERED_TAGS:
        return ReadHtml("", "", "", 0)
    body = _tree(marked)
    if body is None:
        return ReadHtml("", "", "", 0)
    blocked = _block_pictures(body)
    hidden = take_hidden(body)
    lines = Lines.of(body)
    at = first_foreign(lines.lines, cutting)
    quoted = "\n\n".join(one for one in (lines.text_from(at), hidden) if one)
    if at < len(lines.lines):
        cut_tree(body, lines.places[at])
    visible = safe_html(_inner(body)).strip()
    return ReadHtml(visible, html_as_text(visible), quoted, blocked)


def html_as_text(html: str) -> str:
    """What HTML says, laid out as text, with a remark where a picture is."""
    body = _tree(html)
    if body is None:
        return ""
    _prepare(body)
    try:
        laid_out = str(Inscriptis(body, _LAYOUT).get_text())
    except RecursionError:
        return stripped(html)
    return "\n".join(line.rstrip() for line in laid_out.splitlines()).strip("\n")


def _prepare(body: HtmlElement) -> None:
    """Helps the library over what it forgets: pictures, and the line end that an empty element makes."""
    for element in list(body.iterdescendants("img", *BLOCKS)):
        if element.tag == "img":
            element.text = f"[picture: {element.get('alt') or 'no title'}]"
            element.tag = "span"
        elif not len(element) and not element.text:
            element.tag = "br"


def _tree(html: str) -> HtmlElement | None:
    if not html.strip():
        return None
    parser = etree.HTMLParser(huge_tree=True, remove_comments=True)
    root: HtmlElement | None = etree.fromstring(f"<body>{html}</body>", parser)
    body: HtmlElement | None = None if root is None else root.find("body")
    return body


def _inner(body: HtmlElement) -> str:
    return escape(body.text or "", quote=False) + "".join(
        etree.tostring(child, encoding="unicode", method="html") for child in body
    )


def _block_pictures(body: HtmlElement) -> int:
    """Puts a link in place of each picture that would be fetched from elsewhere; how many there were."""
    blocked = 0
    for picture in list(body.iter("img")):
        if picture.get("src", "").strip().lower().startswith("cid:"):
            continue
        blocked += 1
        is_pixel = picture.get("width") in _TINY or picture.get("height") in _TINY
        title = " ".join((picture.get("alt") or "").split())[:200]
        source = picture.get("src", "")
        if not is_pixel or title:
            picture.text = f"[picture: {title or 'not shown'}]"
        is_linked = (
            source.startswith(("http://", "https://"))
            and not is_pixel
            and next(picture.iterancestors("a"), None) is None
        )
        picture.tag = "a" if is_linked else "span"
        picture.attrib.clear()
        if is_linked:
            picture.set("href", source)
    return blocked
