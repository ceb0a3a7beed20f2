"""What in a page could run or fetch something that its author did not write."""

from typing import Any, cast
from urllib.parse import urlsplit

from lxml import html as lxml_html

RUNNING = ("iframe", "object", "embed", "applet", "base", "math", "foreignobject", "animate", "set", "style", "frame")
SAFE_SCHEMES = frozenset(("", "http", "https", "mailto", "tel"))
LEADING = ("href", "src", "action", "formaction", "poster", "srcset", "xlink:href", "data", "background")


def active_markup(page: str) -> list[str]:
    """Scripts inside the page, handlers, foreign frames and addresses of dangerous schemes, as a parser finds them."""
    found = list[str]()
    for element in cast(Any, lxml_html).document_fromstring(page).iter():
        if not isinstance(element.tag, str):
            continue
        is_inline = element.tag == "script" and not element.get("src") and element.get("type") != "application/json"
        if element.tag in RUNNING or is_inline:
            found.append(f"<{element.tag}>")
        for name, value in element.attrib.items():
            scheme = urlsplit("".join(value.split()).lower()).scheme if name in LEADING else ""
            if name.startswith("on") or name == "srcdoc" or scheme not in SAFE_SCHEMES:
                found.append(f"<{element.tag} {name}={value!r}>")
    return found
