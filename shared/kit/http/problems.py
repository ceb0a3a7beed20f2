"""Errors as RFC 9457 problems: one class to raise, one renderer."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shared.contracts.redaction import redacted_json

MEDIA_TYPE = "application/problem+json"
TYPE_BASE = "https://everdesk.example/problems/"

TITLES: Mapping[int, str] = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Conflict",
    410: "Gone",
    412: "Changed in the meantime",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid input",
    429: "Too many requests",
    500: "Internal error",
    503: "Temporarily unavailable",
}


class Problem(Exception):
    """Something the caller is told: `status` and a stable `code`, in words that say what to change."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.errors, self.headers, self.extra = errors, dict(headers or {}), extra


def not_found(what: str = "ticket") -> Problem:
    """The answer for what does not exist, or may not be seen."""
    return Problem(404, "not_found", f"there is no such {what}")


def unavailable(detail: str, retry_after: int = 2) -> Problem:
    """A dependency is away; the same request may be sent again."""
    return Problem(503, "unavailable", detail, headers={"Retry-After": str(retry_after)})


def invalid(pointer: str, detail: str) -> Problem:
    """One field is wrong; `pointer` is a JSON pointer into the request."""
    return Problem(422, "invalid_input", detail, errors=[{"pointer": pointer, "detail": detail}])


def body_of(problem: Problem, request_id: str | None) -> dict[str, Any]:
    """A problem as the caller reads it."""
    body: dict[str, Any] = {
        "type": f"{TYPE_BASE}{problem.code.replace('_', '-')}",
        "title": TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "request_id": request_id,
        **problem.extra,
    }
    if problem.errors:
        body["errors"] = list(problem.errors)
    return body


def render(request: Request, problem: Problem) -> Response:
    """The one place where a problem becomes a response; it may quote what was sent, and clients log it."""
    body = redacted_json(body_of(problem, getattr(request.state, "request_id", None)))
    return JSONResponse(body, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def of_http_exception(error: HTTPException) -> Problem:
    """The framework's own refusals: no such route, method not allowed, too large."""
    code = {404: "not_found", 405: "method_not_allowed", 408: "too_slow", 413: "too_large"}.get(
        error.status_code, "http_error"
    )
    return Problem(error.status_code, code, str(error.detail), headers=dict(error.headers or {}))


def pointer_to(*path: str | int) -> str:
    """The JSON pointer of a path in the body."""
    return "/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in path)
