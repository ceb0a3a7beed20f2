"""A client of the intake API for Python programs: typed, safe to retry, made of httpx2 and pydantic alone."""

from services.intake.client.blocking import BlockingIntakeClient
from services.intake.client.client import IntakeClient
from services.intake.client.errors import (
    Changed,
    Conflict,
    FieldError,
    IntakeError,
    Invalid,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Refused,
    ServiceUnavailable,
    TooLarge,
    TooManyRequests,
    Unreachable,
)
from services.intake.client.models import (
    Attachment,
    Message,
    NewTicket,
    Person,
    SubmittedTicket,
    Ticket,
    TimelineEvent,
    Topic,
)
from services.intake.client.retry import RetryPolicy
from services.intake.client.uploads import Source

__all__ = [
    "Attachment",
    "BlockingIntakeClient",
    "Changed",
    "Conflict",
    "FieldError",
    "IntakeClient",
    "IntakeError",
    "Invalid",
    "Message",
    "NewTicket",
    "NotAuthenticated",
    "NotFound",
    "NotPermitted",
    "Person",
    "Refused",
    "RetryPolicy",
    "ServiceUnavailable",
    "Source",
    "SubmittedTicket",
    "Ticket",
    "TimelineEvent",
    "TooLarge",
    "TooManyRequests",
    "Topic",
    "Unreachable",
]
