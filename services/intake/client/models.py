"""What intake answers with. Fields that a newer service adds are let pass; ids and instants are of their own types."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

BodyFormat = Literal["text", "markdown", "html"]
Priority = Literal["low", "normal", "high", "urgent"]
CloseReason = Literal["resolved", "duplicate", "spam", "withdrawn", "no_response"]
FieldValue = str | int | float | bool | list[str] | None


class ResponseModel(BaseModel):
    """What all answers share: they do not change, and a new word of the service's is no error here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Person(ResponseModel):
    """Who asks for help."""

    email: str
    name: str
    phone: str | None = None
    language: str | None = None
    """A BCP 47 tag such as `de`: the language of mails to them, if there is a translation."""


class NewTicket(BaseModel):
    """A request for help."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requester: Person
    subject: str
    body: str
    body_format: BodyFormat = "text"
    topic: str | None = None
    """A topic's slug or id."""
    priority: Priority | None = None
    fields: dict[str, FieldValue] = {}
    """What the topic's form asks for; without a form, your own data."""
    attachments: list[UUID] = []
    """Of files that were uploaded before."""
    cc: list[str] = []


class SubmittedTicket(ResponseModel):
    """A request that was taken."""

    id: UUID
    number: str
    status: str
    subject: str
    topic: str | None
    priority: str
    requester: Person
    created_at: datetime
    access_url: str
    """The requester's own page. Whoever has the link may read and reply."""


class Ticket(ResponseModel):
    """A ticket as it stands."""

    id: UUID
    number: str
    status: str
    """`new`, `open`, `pending`, `on_hold`, `resolved` or `closed`."""
    subject: str
    topic: str | None
    priority: str
    requester: Person
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    is_archived: bool = False
    channel: str
    fields: dict[str, FieldValue] = {}
    cc: list[str] = []
    follows: UUID | None = None
    revision: int
    """Pass it on to change the ticket only if nobody else has meanwhile."""


class Attachment(ResponseModel):
    """A file of a message, or one that was sent and waits to be named in one."""

    id: UUID
    name: str
    media_type: str
    size: int
    """Bytes."""
    state: str | None = None
    url: str | None = None


class Message(ResponseModel):
    """A public message."""

    id: UUID
    author: str
    """`requester` or `agent`."""
    author_name: str
    body: str
    body_format: str
    channel: str
    received_at: datetime
    is_automatic: bool
    attachments: list[Attachment] = []


class Topic(ResponseModel):
    """What a request can be about."""

    id: UUID
    slug: str
    name: str
    description: str
    form: list[dict[str, Any]] = []
    """The custom fields it asks for."""


class TimelineEvent(ResponseModel):
    """Something that happened on a ticket."""

    id: int
    """Rises; `events(after=...)` goes on behind it."""
    kind: str
    """`message`, `opened`, `assigned`, `pended`, `resolved`, `closed` and the like."""
    at: datetime
    status: str
    """After it."""
    revision: int
    message_id: UUID | None = None
