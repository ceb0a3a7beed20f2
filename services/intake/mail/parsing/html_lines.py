"""An HTML tree as lines that know where they stand and what marks them, so that quotes are cut as in plain text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml.etree import iterwalk
from lxml.html import HtmlElement

from services.intake.mail.parsing.attributions import is_attribution, parting
from services.intake.mail.parsing.lines import MailLine, Mark

BLOCKS = frozenset({
    *("address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "details", "div", "dl"),
    *("dt", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "ol", "p", "pre"),
    *("section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul"),
})  # fmt: skip
_CELLS = frozenset({"td", "th"})
_ENDS = frozenset({
    *("divrplyfwdmsg", "appendonsend", "mail-editor-reference-message-container", "olk_src_body_section", "zwchr"),
    *("outlookmessageheader", "yahoo_quoted", "replyforwardheader", "ms-outlook-mobile-body-separator-line"),
    *("ms-outlook-mobile-reference-message", "sh-quoted-content", "isreplycontent", "moz-forward-container"),
    *("bloop_original_html", "aolreplycontent", "messagereplysection", "front-quote", "missive_quote"),
})  # fmt: skip
_SIGNATURES = frozenset({
    *("gmail_signature", "moz-signature", "protonmail_signature_block", "signature", "ms-outlook-mobile-signature"),
    *("applemailsignature", "tutanota_signature", "messagesignaturesection", "sh-signature", "front-signature"),
    *("missive_signature", "bloop_sign", "zmail_signature", "x_signature"),
})  # fmt: skip
_ATTRIBUTIONS = frozenset({"gmail_attr", "moz-cite-prefix", "reply-intro", "airmail_on", "aolmail_gmail_attr"})
_QUOTES = frozenset({
    *("gmail_quote", "protonmail_quote", "tutanota_quote", "zmail_extra", "iscwrapper", "hey-quote", "clean_bq"),
    "freshdesk_quote",
})  # fmt: skip
_NAMED_QUOTE = "quote"
"""What GMX and web.de name the part that they quote."""
_OUTLOOK_RULE = re.compile(r"border-top:\s?solid #(?:e1e1e1|b5c4df) 1\.0pt", re.IGNORECASE)
_COPIED = re.compile(r"^(?:x_)+|^(?:ydp[0-9a-f]{1,12}-?|aolmail_|yiv\d{1,12})(?=yahoo_quoted|gmail_)")
_NUMBERED = re.compile(r"_\d{1,12}$")
_WHITE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class LinePosition:
    """Where a line begins: before an element, in its text, or in the text after it."""

    element: HtmlElement
    where: str = "before"
    """`before`, `text` or `tail`."""
    offset: int = 0


@dataclass(slots=True)
class Lines:
    """The lines of a tree and their places, item by item."""

    lines: list[MailLine] = field(default_factory=list)
    places: list[LinePosition] = field(default_factory=list)
    _pieces: list[str] = field(default_factory=list)
    _place: LinePosition | None = None
    _marks: list[tuple[HtmlElement, Mark]] = field(default_factory=list)
    _preformatted: int = 0

    @classmethod
    def of(cls, body: HtmlElement) -> "Lines":
        """Reads a tree from its beginning to its end."""
        found = cls()
        for event, element in iterwalk(body, events=("start", "end")):
            found._start(element) if event == "start" else found._end(element, body)
        found._break()
        return found

    def _start(self, element: HtmlElement) -> None:
        tag = str(element.tag)
        if tag in BLOCKS:
            self._break()
        elif tag in _CELLS and self._pieces:
            self._pieces.append(" ")
        mark = self._mark(element, tag)
        if mark is Mark.END:
            self._add(MailLine("", Mark.END), LinePosition(element))
        elif mark is not Mark.NONE:
            self._break()
            self._marks.append((element, mark))
        self._preformatted += tag == "pre"
        if tag == "img":
            self._write(f"[picture: {element.get('alt') or 'no title'}]", LinePosition(element))
        self._text(element.text, LinePosition(element, "text"))

    def _end(self, element: HtmlElement, body: HtmlElement) -> None:
        tag = str(element.tag)
        self._preformatted -= tag == "pre"
        if tag in BLOCKS:
            self._break()
        if self._marks and self._marks[-1][0] is element:
            self._break()
            self._marks.pop()
        if element is not body:
            self._text(element.tail, LinePosition(element, "tail"))

    def _mark(self, element: HtmlElement, tag: str) -> Mark:
        """What an element means for the text in it; inside a quote only the quote counts."""
        if self._marks and self._marks[-1][1] is Mark.QUOTE:
            return Mark.NONE
        names = set(_names(element))
        if (
            names & _ENDS
            or element.get("data-marker") == "__DIVIDER__"
            or _OUTLOOK_RULE.search(element.get("style", "")[:500])
        ):
            return Mark.END
        if tag == "blockquote" and self._is_quoting(element, names):
            return Mark.QUOTE
        if names & _SIGNATURES:
            return Mark.SIGNATURE
        return Mark.ATTRIBUTION if names & _ATTRIBUTIONS else Mark.NONE

    def _is_quoting(self, element: HtmlElement, names: set[str]) -> bool:
        """People indent their own text with blockquotes too: one that nothing marks and nobody announces is theirs."""
        if element.get("type") == "cite" or element.get("cite") or names & _QUOTES:
            return True
        above = next((line for line in reversed(self.lines) if not line.is_blank), MailLine(""))
        said = above.text[-400:]
        return above.mark is Mark.ATTRIBUTION or is_attribution(said[parting(said) or 0 :])

    def _text(self, text: str | None, place: LinePosition) -> None:
        if not text:
            return
        if not self._preformatted:
            self._write(_WHITE.sub(" ", text), place)
            return
        for offset, line in _split(text):
            if offset:
                self._break()
            self._write(line, LinePosition(place.element, place.where, offset))

    def _write(self, text: str, place: LinePosition) -> None:
        if text.strip() and self._place is None:
            self._place = place
        self._pieces.append(text)

    def _break(self) -> None:
        text = "".join(self._pieces).strip() if not self._preformatted else "".join(self._pieces).rstrip()
        if text and self._place is not None:
            self._add(MailLine(text, self._marks[-1][1] if self._marks else Mark.NONE), self._place)
        self._pieces.clear()
        self._place = None

    def _add(self, line: MailLine, place: LinePosition) -> None:
        self.lines.append(line)
        self.places.append(place)

    def text_from(self, at: int) -> str:
        """The lines from one on, quotes marked as in plain text."""
        shown = (f"> {line.text}" if line.mark is Mark.QUOTE else line.text for line in self.lines[at:])
        return "\n".join(line for line in shown if line)


def cut_tree(body: HtmlElement, place: LinePosition) -> None:
    """Removes everything from a place on, and the empty elements this leaves at the end."""
    place = _widened(body, place)
    node = place.element
    if place.where == "text":
        node.text = (node.text or "")[: place.offset]
        del node[:]
    else:
        _drop_following(node)
        parent = node.getparent()
        if place.where == "tail":
            node.tail = (node.tail or "")[: place.offset]
        else:
            parent.remove(node)
        node = parent
    while node is not body:
        _drop_following(node)
        node.tail = None
        node = node.getparent()
    _trim(body)


def _drop_following(node: HtmlElement) -> None:
    parent = node.getparent()
    for later in list(node.itersiblings()):
        parent.remove(later)


def _widened(body: HtmlElement, place: LinePosition) -> LinePosition:
    """The same place, before the outermost element that begins there."""
    element = place.element
    if place.where == "tail" or place.offset or element is body:
        return place
    while (parent := element.getparent()) is not None and parent is not body:
        if element.getprevious() is not None or (parent.text or "").strip():
            break
        element = parent
    return LinePosition(element)


def _trim(body: HtmlElement) -> None:
    while len(body) and not (body[-1].tail or "").strip():
        last = body[-1]
        if "".join(last.itertext()).strip() or last.tag == "img" or last.find(".//img") is not None:
            return
        body.remove(last)


def _names(element: HtmlElement) -> Iterator[str]:
    """What an element is called by class, id and the like; programs put `x_` and the like before what they copy."""
    for attribute in ("class", "id", "data-smartmail"):
        for name in element.get(attribute, "")[:500].lower().split():
            yield _NUMBERED.sub("", _COPIED.sub("", name))
    if element.tag == "div" and (name := element.get("name", "").lower()):
        yield "isreplycontent" if name == _NAMED_QUOTE else name


def _split(text: str) -> Iterator[tuple[int, str]]:
    offset = 0
    for line in text.split("\n"):
        yield offset, line
        offset += len(line) + 1
