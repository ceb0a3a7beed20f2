"""What the JSON API takes and gives, each with an example that works."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from services.intake import examples
from services.intake.forms import Fields as FormFields
from services.intake.forms.unstructured import FieldValue, within_limits
from services.intake.models import Attachment, AttachmentState, Message, Ticket
from shared.contracts.described_models import DescribedModel
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel, CloseReason, Priority, Status
from shared.kit.http.inputs import Body, Email, Input, LanguageTag, Line, Phone, WrittenInstant
from shared.kit.http.paging import Limit
from shared.kit.ticket_numbers import number_as_written

Fields = Annotated[
    dict[str, FieldValue],
    BeforeValidator(within_limits),
    Field(description="What the topic's form asks for; without a form, your own data, kept with the ticket"),
]
TopicName = Annotated[str, StringConstraints(min_length=1, max_length=64), Field(description="A topic's slug or id")]
Files = Annotated[
    list[UUID], Field(max_length=20, description="Ids of files that POST /v1/attachments gave you, each used once")
]


class Requester(Input):
    """Who asks for help."""

    email: Email
    name: Line
    phone: Phone | None = None
    language: LanguageTag | None = None


class SubmitTicket(Input):
    """A request for help."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SUBMISSION]})

    requester: Requester
    subject: Line
    body: Body
    body_format: BodyFormat = BodyFormat.TEXT
    topic: TopicName | None = None
    priority: Priority | None = None
    fields: Fields = Field(default_factory=dict)
    attachments: Files = Field(default_factory=list)
    cc: Annotated[list[Email], Field(max_length=20)] = Field(default_factory=list)


class PostMessage(Input):
    """The requester writes again."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"body": "It works again since noon.", "body_format": "text"}]}
    )

    body: Body
    body_format: BodyFormat = BodyFormat.TEXT
    attachments: Files = Field(default_factory=list)


class CloseRequest(Input):
    """The requester no longer needs help."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "withdrawn"}]})

    reason: CloseReason = CloseReason.WITHDRAWN


class NoContent(Input):
    """An empty object, or no body at all: there is nothing to say."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})


TicketNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$"), BeforeValidator(number_as_written)]


class TicketFilters(Input):
    """Which tickets to list, newest first."""

    model_config = ConfigDict(use_attribute_docstrings=True)  # of a query: see DescribedModel

    status: Status | None = None
    requester: Email | None = None
    topic: TopicName | None = None
    channel: Channel | None = None
    number: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$"), BeforeValidator(number_as_written)] | None = (
        None
    )
    """The ticket of that number, with or without `#`."""
    created_from: WrittenInstant | None = None
    """Created at this instant or later."""
    created_to: WrittenInstant | None = None
    """Created before this instant."""
    updated_from: WrittenInstant | None = None
    """Changed at this instant or later: what is new since you last asked."""
    limit: Limit = 50
    cursor: Annotated[str | None, Field(max_length=1024)] = None


class PageRequest(Input):
    """Which page of a list."""

    model_config = ConfigDict(use_attribute_docstrings=True)  # of a query: see DescribedModel

    limit: Limit = 50
    cursor: Annotated[str | None, Field(max_length=1024)] = None


class RequesterView(BaseModel):
    """Who asked."""

    email: str
    name: str
    phone: str | None
    language: str | None = None


class TicketView(DescribedModel):
    """A ticket as its submitter may see it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.TICKET]})

    id: UUID
    number: str
    status: Status
    subject: str
    topic: str | None
    """The topic's slug."""
    priority: Priority
    requester: RequesterView
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    is_archived: bool = False
    """Nothing can be changed any more; a message opens a follow-up."""
    channel: Channel
    fields: dict[str, FieldValue] = Field(default={})
    cc: list[str] = Field(default=[])
    merged_into: UUID | None = None
    """The ticket that agents made it a part of: messages go there."""
    follows: UUID | None = None
    """The archived ticket that this one follows up."""
    followed_by: list[UUID] = Field(default=[])
    """The tickets that go on from this archived one, oldest first; told where one ticket is asked for."""
    revision: int
    """The number in the ETag."""

    @classmethod
    def of(cls, ticket: Ticket, topic: str | None, followed_by: Iterable[UUID] = ()) -> "TicketView":
        """The view of a stored ticket; `topic` is the slug."""
        given = ("topic", "requester", "followed_by")
        return cls(
            **{name: getattr(ticket, name) for name in cls.model_fields if name not in given},
            topic=topic,
            followed_by=list(followed_by),
            requester=RequesterView(
                email=ticket.requester_email,
                name=ticket.requester_name,
                phone=ticket.requester_phone,
                language=ticket.requester_language,
            ),
        )


class SubmittedTicket(DescribedModel):
    """The answer to a submission."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SUBMITTED]})

    id: UUID
    number: str
    status: Status
    subject: str
    topic: str | None
    priority: Priority
    requester: RequesterView
    created_at: datetime
    access_url: str
    """The requester's own page for this ticket. Whoever has the link may read and reply."""


class UploadedFile(DescribedModel):
    """A file that was kept, and waits to be attached."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.UPLOADED]})

    id: UUID
    """Name it in `attachments` of a submission or a message."""
    name: str
    """Made fit: without folders, control characters and what misleads."""
    media_type: str
    """What its content was found to be."""
    size: int
    """Bytes."""
    sha256: str
    state: AttachmentState
    expires_at: datetime
    """Until when it waits."""

    @classmethod
    def of(cls, attachment: Attachment, waits_hours: int) -> "UploadedFile":
        """The view of a file that nothing has claimed yet."""
        names = ("id", "name", "media_type", "size", "state")
        expires_at = attachment.created_at + timedelta(hours=waits_hours)
        known = {name: getattr(attachment, name) for name in names}
        return cls(**known, sha256=attachment.digest, expires_at=expires_at)


class AttachmentView(DescribedModel):
    """A file that belongs to a message."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ATTACHMENT]})

    id: UUID
    name: str
    media_type: str
    size: int
    """Bytes."""
    state: AttachmentState
    """`pending` files are being scanned, `quarantined` ones are not given out."""
    is_inline: bool
    """Shown inside the body, which names it as `attachment:<id>`."""
    field: str | None
    """The custom field it answers."""
    url: str
    """Where its bytes are, for this API's keys."""

    @classmethod
    def of(cls, attachment: Attachment) -> "AttachmentView":
        """The view of a file on a ticket."""
        names = ("id", "name", "media_type", "size", "state", "is_inline", "field")
        url = f"/v1/tickets/{attachment.ticket_id}/attachments/{attachment.id}"
        return cls(**{name: getattr(attachment, name) for name in names}, url=url)


class MessageView(DescribedModel):
    """A public message on a ticket."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.MESSAGE]})

    id: UUID
    author: Annotated[ActorKind, Field(description="`requester` or `agent`")]
    author_name: str
    body: str
    body_format: BodyFormat
    channel: Channel
    received_at: datetime
    is_automatic: bool
    quoted: str
    """What a mail quoted or signed, as plain text."""
    follow_up_id: UUID | None = None
    """The ticket it went on to, because its own was archived."""
    attachments: list[AttachmentView]

    @classmethod
    def of(cls, message: Message, attachments: Iterable[Attachment] = ()) -> "MessageView":
        """The view of a stored message and its files."""
        names = [name for name in cls.model_fields if name not in ("author", "attachments")]
        return cls(
            author=message.author_kind,
            attachments=[AttachmentView.of(attachment) for attachment in attachments],
            **{name: getattr(message, name) for name in names},
        )


class TopicView(DescribedModel):
    """Something a request can be about."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.TOPIC]})

    id: UUID
    slug: str
    name: str
    description: str
    priority: Priority | None
    """Of requests that name none."""
    form: FormFields
    """The custom fields to send as `fields`; those for agents are not shown to requesters."""
