"""Text in a mail's HTML that no mail program shows, such as the preheader of a newsletter."""

import re
from collections import deque

from lxml.html import HtmlElement

MOST = 200
"""Hidden elements that are taken out; more stay where they are."""
_HIDDEN = re.compile(r"display\s{0,9}:\s{0,9}none", re.IGNORECASE)
_NO_HEIGHT = re.compile(r"max-height\s{0,9}:\s{0,9}0(?:px|pt|em)?\s{0,9}(?:;|!|\Z)", re.IGNORECASE)
_OVERFLOW = re.compile(r"overflow\s{0,9}:\s{0,9}hidden", re.IGNORECASE)


def take_hidden(body: HtmlElement) -> str:
    """Takes hidden text out of a tree and returns it; where all of it is hidden, none is.

    Empty elements stay: mail programs mark the beginning of a quote by such.
    """
    hidden = _hidden_in(body)
    if not hidden:
        return ""
    texts = {element: _text(element) for element in hidden}
    if sum(len(text) for text in texts.values()) >= len(_text(body)):
        return ""
    for element in hidden:
        if texts[element]:
            _remove(element)
    return "\n".join(text for text in texts.values() if text)


def _hidden_in(body: HtmlElement) -> list[HtmlElement]:
    """The outermost hidden elements."""
    found: list[HtmlElement] = []
    waiting = deque[HtmlElement](body)
    while waiting and len(found) < MOST:
        element = waiting.popleft()
        if _is_hidden(element):
            found.append(element)
        else:
            waiting.extend(element)
    return found


def _is_hidden(element: HtmlElement) -> bool:
    if element.get("hidden") is not None:
        return True
    style = element.get("style", "")[:2000]
    return bool(_HIDDEN.search(style) or (_NO_HEIGHT.search(style) and _OVERFLOW.search(style)))


def _text(element: HtmlElement) -> str:
    return " ".join("".join(element.itertext()).split())


def _remove(element: HtmlElement) -> None:
    """The element goes, the text after it stays."""
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        before = element.getprevious()
        if before is None:
            parent.text = (parent.text or "") + element.tail
        else:
            before.tail = (before.tail or "") + element.tail
    parent.remove(element)
