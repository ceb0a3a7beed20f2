"""An XML body as old clients write it: no document type, no entities of its own, no network, few elements."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml.etree import XMLParser, XMLSyntaxError, fromstring

from services.intake.osticket.decoding import PLAIN, Encoded, NotBase64
from services.intake.osticket.refusals import unreadable
from services.intake.osticket.request_model import OldRequest, SentFile, Text, Value, text_of

MAX_DEPTH = 8
MAX_ELEMENTS = 500
MAX_ATTRIBUTES = 50
OWN = ("message", "alert", "autorespond", "attachments")
"""What is read in a way of its own."""


@dataclass(slots=True)
class Element:
    """A part of the body: its text and its children, in the order in which they were written."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    content: list["str | Element"] = field(default_factory=list)

    @property
    def children(self) -> list["Element"]:
        """The elements directly inside."""
        return [part for part in self.content if isinstance(part, Element)]

    @property
    def text(self) -> str:
        """Its own text, without that of its children."""
        return "".join(part for part in self.content if isinstance(part, str))

    @property
    def whole_text(self) -> str:
        """All the text inside, that of markup in the middle of a sentence included."""
        return "".join(part if isinstance(part, str) else part.whole_text for part in self.content)

    def first(self, name: str) -> "Element | None":
        """The first child of that name."""
        return next((child for child in self.children if child.name == name), None)


class _Builder:
    """Takes the parser's steps one by one, so that a body that is too much never becomes a tree."""

    def __init__(self) -> None:
        self.root = Element("")
        self._open = [self.root]
        self._seen = 0

    def doctype(self, *_: object) -> None:
        raise unreadable("a document type is not accepted")

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._seen += 1
        if self._seen > MAX_ELEMENTS or len(self._open) > MAX_DEPTH or len(attributes) > MAX_ATTRIBUTES:
            raise unreadable(f"more than {MAX_ELEMENTS} elements, or nested deeper than {MAX_DEPTH}")
        element = Element(name, dict(attributes))
        self._open[-1].content.append(element)
        self._open.append(element)

    def end(self, _name: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        self._open[-1].content.append(text)

    def close(self) -> Element:
        return self.root


def read_xml_body(raw: bytes) -> OldRequest:
    """What the client sent. Raises Problem 400 for what is no `<ticket>`, or an empty one.

    Entities are resolved, or `&amp;` in an attribute would read `&#38;`. XML's own are the only ones: a document type,
    which could declare more, is refused when it begins.
    """
    parser = XMLParser(target=_Builder(), resolve_entities="internal", load_dtd=False, no_network=True, huge_tree=False)
    try:
        ticket = fromstring(raw, parser).first("ticket")
    except (XMLSyntaxError, ValueError) as error:
        raise unreadable(str(error)) from None
    if ticket is None or not (ticket.children or ticket.attributes):
        raise unreadable("a <ticket> with the ticket's fields is needed")
    return _read(ticket)


def _read(ticket: Element) -> OldRequest:
    message, defects = _message(_message_of(ticket))
    flags = {name: ticket.attributes.get(name, "") for name in ("alert", "autorespond")}
    flags |= {child.name: child.text for child in ticket.children if child.name in flags}
    return OldRequest(
        values=_values(ticket),
        message=message,
        alert=_is_true(flags["alert"]),
        acknowledge=_is_true(flags["autorespond"]),
        files=tuple(file for child in ticket.children if child.name == "attachments" for file in _files(child)),
        defects=defects,
    )


def _values(ticket: Element) -> dict[str, Value]:
    """Attributes of the ticket, then its elements; one that stands there more than once is a list."""
    several: dict[str, list[str]] = {}
    for child in ticket.children:
        text = child.text.strip()
        if child.name == "phone" and (extension := child.attributes.get("ext", "").strip()):
            text = f"{text}X{extension}"
        several.setdefault(child.name, []).append(text)
    values: dict[str, Value] = {name: text.strip() for name, text in ticket.attributes.items()}
    values |= {name: texts[0] if len(texts) == 1 else texts for name, texts in several.items()}
    return {name: value for name, value in values.items() if name not in OWN}


def _is_true(sent: str) -> bool:
    """Unlike in JSON, the word "false" is understood."""
    return sent.strip().lower() not in ("false", "0", "no", "off")


def _message_of(ticket: Element) -> Element | None:
    """The element, else the attribute of that name; an empty element does not hide the attribute."""
    as_attribute = ticket.attributes.get("message")
    found = ticket.first("message")
    if as_attribute is None or (found is not None and found.whole_text.strip()):
        return found
    return Element("message", content=[as_attribute])


def _message(sent: Element | None) -> tuple[Text | None, Mapping[str, str]]:
    if sent is None:
        return None, {}
    try:
        return text_of(sent.attributes.get("type", PLAIN).strip().lower(), _content(sent).as_text()), {}
    except NotBase64 as wrong:
        return None, {"message": str(wrong)}


def _files(sent: Element) -> Iterator[SentFile]:
    for item in sent.children:
        name = item.attributes.get("name", "attachment")
        try:
            yield SentFile(name, _content(item).as_bytes(), item.attributes.get("type", PLAIN).strip().lower())
        except NotBase64 as wrong:
            yield SentFile(name, defect=str(wrong))


def _content(sent: Element) -> Encoded:
    is_base64 = sent.attributes.get("encoding", "").strip().lower() == "base64"
    return Encoded(
        sent.whole_text.strip(), is_base64=is_base64, charset=sent.attributes.get("charset", "").strip().lower()
    )
