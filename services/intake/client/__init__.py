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
    TooLarge,
    TooManyRequests,
    Unavailable,
    Unreachable,
)
from services.intake.client.models import (
    Attachment,
    Happening,
    Message,
    NewTicket,
    Person,
    SubmittedTicket,
    Ticket,
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
    "Happening",
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
    "Source",
    "SubmittedTicket",
    "Ticket",
    "TooLarge",
    "TooManyRequests",
    "Topic",
    "Unavailable",
    "Unreachable",
]
