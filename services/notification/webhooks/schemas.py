"""Requests and responses of the webhook API."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints

from services.notification.event_selection import EVERYTHING, MOST_PATTERNS, known_patterns
from services.notification.webhooks.status import WebhookDeliveryStatus, WebhookState
from shared.contracts.described_models import DescribedModel
from shared.kit.http.inputs import Flag, Input, ShortLine, Whole, WrittenInstant
from shared.kit.http.public_addresses import MAX_URL, OutgoingRefused, read_url

WEEK = 7 * 86_400
ID = "01990a4e-3c00-7000-8000-000000000004"
WEBHOOK: dict[str, JsonValue] = {
    "id": ID,
    "name": "Status page",
    "url": "https://status.bank.example/everdesk",
    "types": ["ticket.*"],
    "state": "active",
    "state_reason": None,
    "version": 1,
    "created_at": "2026-11-24T09:00:00Z",
    "updated_at": "2026-11-24T09:00:00Z",
    "failures": 0,
    "open_until": None,
    "last_success_at": None,
    "last_failure_at": None,
    "previous_until": None,
}


def _usable(url: str) -> str:
    try:
        read_url(url)
    except OutgoingRefused as error:
        raise ValueError(str(error)) from None
    return url


WebhookUrl = Annotated[str, StringConstraints(min_length=8, max_length=MAX_URL), AfterValidator(_usable)]
"""Where events are sent: `https://`, and not into private networks unless a setting allows it."""
EventPatterns = Annotated[list[str], Field(min_length=1, max_length=MOST_PATTERNS), AfterValidator(known_patterns)]
"""Events by name, such as `ticket.assigned`, by group, such as `ticket.*`, or `*`; notes only where they are named."""


class CreateWebhook(Input):
    """An endpoint that is to get events from now on."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "Status page", "url": "https://status.bank.example/everdesk", "types": ["ticket.*"]},
            ]
        }
    )

    name: ShortLine
    url: WebhookUrl
    types: EventPatterns = Field(default_factory=lambda: [EVERYTHING])
    is_paused: Flag = False
    """Keeps events until it is enabled."""


class ChangeWebhook(Input):
    """What is to be different; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"types": ["ticket.*", "message.posted"]}]})

    name: ShortLine | None = None
    url: WebhookUrl | None = None
    types: EventPatterns | None = None


class RotateSecret(Input):
    """For how long the former secret signs as well."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_seconds": 86400}]})

    overlap_seconds: Annotated[Whole, Field(ge=0, le=WEEK)] = 86_400


class ReplayEvents(Input):
    """Which events to send again, or for the first time: those of the feed that the endpoint wants."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"since": "2026-11-24T09:00:00Z", "until": "2026-11-24T10:00:00Z"}]}
    )

    since: WrittenInstant | None = None
    """By the time at which they entered the feed; without this and `after`, since the endpoint was added."""
    until: WrittenInstant | None = None
    """Not included."""
    after: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}$")] | None = None
    """A cursor of the change feed: only events after it."""
    which: Literal["all", "undelivered"] = "undelivered"
    """Whether those that were delivered are sent again too."""
    dry_run: Flag = False
    """Only count."""


class ReplayResult(DescribedModel):
    """What is sent again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"count": 12}]})

    count: int
    """Events queued, or that would be; at most 10,000 at once: ask again for the rest."""


class WebhookView(DescribedModel):
    """An endpoint and how it is doing."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [WEBHOOK]})

    id: UUID
    name: str
    url: str
    types: list[str]
    state: WebhookState
    state_reason: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    failures: int
    """Attempts in a row that failed."""
    open_until: datetime | None
    """After many failures nothing is sent before then."""
    last_success_at: datetime | None
    last_failure_at: datetime | None
    previous_until: datetime | None
    """Until when the former secret signs as well."""


class WebhookWithSecret(WebhookView):
    """An endpoint with its secret, which is shown this once."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [WEBHOOK | {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYq="}]}
    )

    secret: str | None
    """Null in the answer to a repeated request."""

    @classmethod
    def of(cls, view: WebhookView, secret: str | None) -> Self:
        """The view of an endpoint with a secret."""
        return cls(**view.model_dump(), secret=secret)


class WebhookDeliveryView(DescribedModel):
    """What became of one event for one endpoint."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "id": "01990a4e-3c00-7000-8000-000000000005",
                    "webhook_id": ID,
                    "event_id": "ticket-01990a4e-3c00-7000-8000-000000000002:3",
                    "position": 4711,
                    "type": "everdesk.ticket.assigned.v1",
                    "entity_id": "01990a4e-3c00-7000-8000-000000000002",
                    "status": "delivered",
                    "attempts": 1,
                    "next_attempt_at": None,
                    "answer_status": 204,
                    "answer": "",
                    "last_error": None,
                    "duration_ms": 41,
                    "created_at": "2026-11-24T09:00:00Z",
                    "delivered_at": "2026-11-24T09:00:00Z",
                }
            ]
        },
    )

    id: UUID
    webhook_id: UUID
    event_id: str
    """The id of the event on NATS and in the feed, and the `webhook-id` of every attempt."""
    position: int
    """In the change feed."""
    type: str
    entity_id: UUID
    """What the event is about; its events arrive in order."""
    status: WebhookDeliveryStatus
    attempts: int
    next_attempt_at: datetime | None
    answer_status: int | None
    answer: str | None
    """The beginning of the last answer."""
    last_error: str | None
    duration_ms: int | None
    created_at: datetime
    delivered_at: datetime | None


class WebhookTestResult(DescribedModel):
    """What came of a test delivery."""

    __test__ = False
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"delivered": True, "event_id": "test-1", "status": 204, "answer": "", "error": None, "duration_ms": 41}
            ]
        },
    )

    delivered: bool
    event_id: str
    """The `webhook-id` that was sent."""
    status: int | None
    """The HTTP status; null if nobody answered."""
    answer: str | None
    error: str | None
    duration_ms: int
