"""What an old client's fields mean here: the old help desk's names, numbers and words, checked and in ours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from services.intake.osticket.lines import as_named, dialled, fitting, shortened, text_line
from services.intake.osticket.refusals import OldRequestNotValid
from services.intake.osticket.request_model import OldRequest, Text
from services.intake.topic_cache import TopicEntry
from shared.contracts.events import Person
from shared.contracts.vocabulary import Channel, Priority
from shared.kit.http.inputs import Body, Email, Line, Phone

SOURCES: Mapping[str, Channel] = {
    "api": Channel.API,
    "web": Channel.PORTAL,
    "email": Channel.EMAIL,
    "phone": Channel.API,
    "other": Channel.API,
}
PRIORITIES: Mapping[int, Priority] = {1: Priority.LOW, 2: Priority.NORMAL, 3: Priority.HIGH, 4: Priority.URGENT}
"""Low, Normal, High and Emergency, by the numbers the old help desk came with."""
OWN = frozenset({"email", "name", "subject", "phone", "source", "topicId", "priorityId", "priority", "ip"})
"""Every other name is a custom field's, or nothing."""
MAX_NUMBER_LENGTH = 9
MAX_LINE = 255

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OldTicket:
    """A request in our own words, checked."""

    requester: Person
    subject: str
    message: Text
    channel: Channel
    priority: Priority | None
    address: str | None
    """The requester's own, as the client program saw it."""
    remarks: tuple[str, ...]
    """What was set right on the way, for whoever reads the ticket."""


class _Kind(Generic[T]):
    """A field type with the words for what does not fit it."""

    def __init__(self, kind: Any, words: str) -> None:
        self._adapter: TypeAdapter[T] = TypeAdapter(kind)
        self._words = words

    def read(self, value: object) -> T:
        """Raises ValueError in words."""
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            detail = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
            is_told_better = not value or error.errors()[0]["type"] == "string_pattern_mismatch"
            raise ValueError(self._words if is_told_better else detail) from None


EMAIL = _Kind[str](Email, "a valid e-mail address is required")
NAME = _Kind[str](Line, "a name is required")
SUBJECT = _Kind[str](Line, "a subject is required")
PHONE = _Kind[str](Phone, "a telephone number is digits, with an extension after X")
BODY = _Kind[str](Body, "a message is required")


class _Reader:
    """Reads field by field and keeps what is wrong with each, so that a client learns of everything at once."""

    def __init__(self, sent: OldRequest) -> None:
        self.values = sent.values
        self.errors: dict[str, str] = dict(sent.defects)

    def get(self, name: str, read: Callable[[str], T], default: T) -> T:
        """The field's content; the default where it is missing, empty or wrong."""
        text = text_line(self.values.get(name))
        return self.require(name, read, text, default) if text else default

    def require(self, name: str, read: Callable[[str], T], text: str, default: T) -> T:
        """The content of a field that must be there."""
        try:
            return read(text)
        except ValueError as wrong:
            self.errors.setdefault(name, str(wrong))
            return default


def unnamed_sender(sent: OldRequest) -> str:
    """The address of a request that gives no name; empty where it gives one, or no valid address."""
    if text_line(sent.values.get("name")):
        return ""
    try:
        return EMAIL.read(text_line(sent.values.get("email")))
    except ValueError:
        return ""


def translate(sent: OldRequest, topic: TopicEntry | None, known_name: str = "") -> OldTicket:
    """The request in our words; `known_name` stands for a name that was not sent.

    Raises NotValid with every field that is wrong.
    """
    reader, values = _Reader(sent), sent.values
    email = reader.require("email", EMAIL.read, text_line(values.get("email")), "")
    name, name_remarks = fitting("name", text_line(values.get("name")) or known_name, MAX_LINE)
    subject, subject_remarks = fitting(
        "subject", text_line(values.get("subject")) or (topic.name if topic else ""), MAX_LINE
    )
    name = reader.require("name", NAME.read, name, "")
    subject = reader.require("subject", SUBJECT.read, subject, "")
    message = sent.message or Text("")
    reader.require("message", BODY.read, message.body, "")
    phone, phone_remarks = dialled("phone", text_line(values.get("phone")))
    phone = reader.require("phone", PHONE.read, phone, "") if phone else ""
    channel = reader.get("source", _channel, Channel.API)
    address, address_remarks = _address(as_named(values.get("ip")))
    priority, priority_remarks = _priority(as_named(values.get("priorityId") or values.get("priority")))
    if reader.errors:
        raise OldRequestNotValid(reader.errors)
    remarks = (*name_remarks, *subject_remarks, *phone_remarks, *address_remarks, *priority_remarks)
    return OldTicket(
        Person(email=email, name=name, phone=phone or None), subject, message, channel, priority, address, remarks
    )


def is_number(text: str) -> bool:
    """Whether it is a number as the old help desk's ids are."""
    return text.isascii() and text.isdigit() and len(text) <= MAX_NUMBER_LENGTH


def _channel(text: str) -> Channel:
    channel = SOURCES.get(text.lower())
    if channel is None:
        raise ValueError("use API, Web, Email, Phone or Other")
    return channel


def _address(text: str) -> tuple[str | None, tuple[str, ...]]:
    """The old help desk stored whatever was sent, so what is no address does not fail the call."""
    try:
        return str(ip_address(text)) if text else None, ()
    except ValueError:
        return None, (f"The address {shortened(text)} is not an IP address.",)


def _priority(number: str) -> tuple[Priority | None, tuple[str, ...]]:
    """A priority of the old help desk's own making is not known here; the ticket is made nevertheless."""
    if not number:
        return None, ()
    priority = PRIORITIES.get(int(number)) if is_number(number) else None
    return priority, () if priority else (f"Priority {shortened(number)} is not known here.",)
