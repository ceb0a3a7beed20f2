"""Everything that can go wrong, as one family of exceptions read from the service's own problem documents."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2


class IntakeError(Exception):
    """The request did not have its effect, or its answer never came."""


class Unreachable(IntakeError):
    """No answer, however often it was tried: a POST with the same idempotency key may still be sent again."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing to correct."""

    pointer: str
    """A JSON pointer into the request, or a place and a name such as `query:limit`."""
    detail: str


class Refused(IntakeError):
    """The service said no. `code` is stable and meant for programs, `detail` is a sentence for people."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", "unknown"))
        self.detail = str(problem.get("detail", ""))
        self.request_id = problem.get("request_id")
        self.problem = dict(problem)
        found = problem.get("errors", ())
        self.errors = tuple(FieldError(str(e.get("pointer", "")), str(e.get("detail", ""))) for e in found)
        super().__init__(f"{status} {self.code}: {self.detail}")


class NotAuthenticated(Refused):
    """401: the key does not work."""


class NotPermitted(Refused):
    """403: the key may not do this, or not from here."""


class NotFound(Refused):
    """404: there is no such thing, or this key may not see it."""


class Conflict(Refused):
    """409: not possible as the ticket stands, such as closing a closed one."""


class Changed(Refused):
    """412: the ticket is no longer at the revision that was named."""


class TooLarge(Refused):
    """413: the request or the file is too large."""


class Invalid(Refused):
    """422: see `errors` for what to correct."""


class TooManyRequests(Refused):
    """429, and patience has run out."""


class ServiceUnavailable(Refused):
    """5xx, and patience has run out."""


BY_STATUS: Mapping[int, type[Refused]] = {
    401: NotAuthenticated,
    403: NotPermitted,
    404: NotFound,
    409: Conflict,
    412: Changed,
    413: TooLarge,
    422: Invalid,
    429: TooManyRequests,
}


def refusal(response: httpx2.Response) -> Refused:
    """The exception that an answer amounts to."""
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if not isinstance(problem, Mapping):
        problem = {"detail": response.text[:500]}
    fallback = ServiceUnavailable if response.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR else Refused
    return BY_STATUS.get(response.status_code, fallback)(response.status_code, problem)
