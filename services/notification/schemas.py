"""Response models of the operators' API."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import ConfigDict, JsonValue, TypeAdapter, ValidationError

from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery.templates import Audience, Template
from services.notification.models import Delivery
from shared.contracts.described_models import DescribedModel
from shared.kit.bus import DeadLetter

_json: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


class DeliveryView(DescribedModel):
    """One row of the ledger: recipient, mail, cause event, status and instants."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "id": "01990a4e-3c00-7000-8000-000000000001",
                    "ticket_id": "01990a4e-3c00-7000-8000-000000000002",
                    "cause": "ticket-01990a4e-3c00-7000-8000-000000000002:3",
                    "template": "assigned",
                    "template_version": 1,
                    "recipient": "agent:01990a4e-3c00-7000-8000-000000000003",
                    "address": "ada@everdesk.example",
                    "is_bouncing": False,
                    "name": "Ada Lovelace",
                    "channel": "mail",
                    "audience": "assignee",
                    "status": "sent",
                    "attempts": 1,
                    "next_attempt_at": None,
                    "message_id": "<9d8c1c39-6f0f-5d3e-8a53-6b3d2f9f2c10@everdesk.example>",
                    "last_error": None,
                    "answer": "250 2.0.0 Ok: queued as 4F1A2",
                    "read_at": None,
                    "created_at": "2026-11-23T09:00:00Z",
                    "sent_at": "2026-11-23T09:00:01Z",
                }
            ]
        },
    )

    id: UUID
    ticket_id: UUID
    cause: str
    """The id of the event that made it necessary."""
    template: str
    template_version: int
    recipient: str
    """`requester`, `assignee`, `agent:<id>` or `lead:<team id>`; `team:<team id>` is every member of a team, `told`
    everybody who was told of the breach: such a row is `expanded` into one for each."""
    address: str | None
    """Where it goes; null while that is not known, and after an erasure."""
    is_bouncing: bool = False
    """Whether mail to the address came back for good: nothing is sent there until that is cleared."""
    name: str | None
    channel: str
    """`mail`, `inbox`, `chat` or `on_call`."""
    audience: str | None
    """The column of the matrix by which they were told; null for what no rule is about."""
    status: DeliveryStatus
    attempts: int
    next_attempt_at: datetime | None
    message_id: str
    last_error: str | None
    answer: str | None
    """What the provider said when it accepted; `last_error` says so if the mail came back later."""
    read_at: datetime | None
    """When an entry of the inbox was read."""
    created_at: datetime
    sent_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery, *, is_bouncing: bool = False) -> Self:
        """The view of a row."""
        return cls.model_validate(delivery).model_copy(update={"is_bouncing": is_bouncing})


class TemplateView(DescribedModel):
    """One kind of mail."""

    name: str
    event: str
    """The type of the event that calls for it."""
    audience: Audience
    subject: str
    version: int

    @classmethod
    def of(cls, template: Template) -> Self:
        """The view of a catalogue row."""
        return cls(
            name=template.name,
            event=template.event.type(),
            audience=template.audience,
            subject=template.subject,
            version=template.version,
        )


class DeadLetterView(DescribedModel):
    """An event that a consumer could not handle."""

    model_config = ConfigDict(from_attributes=True)

    sequence: int
    """Its number in the dead-letter stream."""
    consumer: str
    """Which consumer failed; a replay reaches that one alone."""
    subject: str
    event_id: str
    error: str
    attempts: int
    buried_at: datetime | None


class DeadLetterDetail(DeadLetterView):
    """A dead letter with the event itself, people's words included."""

    event: JsonValue
    """The envelope; as text where it is not JSON."""

    @classmethod
    def of(cls, letter: DeadLetter) -> Self:
        """The detail of a dead letter."""
        seen = DeadLetterView.model_validate(letter)
        try:
            event = _json.validate_json(letter.payload)
        except ValidationError:
            event = letter.payload.decode(errors="replace")
        return cls(**seen.model_dump(), event=event)
