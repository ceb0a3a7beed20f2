"""Errors as RFC 9457 problems: one class to raise, one renderer."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from shared.contracts.durations import DAYS, SECONDS
from shared.domain.errors import (
    DueInPast,
    IllegalTransition,
    PolicyMissing,
    Refusal,
    TicketArchivedError,
    UnknownTicket,
    VersionConflict,
)
from shared.kit.db import UNREACHABLE, is_unreachable
from shared.kit.telemetry import log
from shared.kit.ticket_errors import TicketsUnavailable

MEDIA_TYPE = "application/problem+json"
TYPE_BASE = "https://everdesk.example/problems/"

REFUSAL_STATUS: Mapping[type[Refusal], int] = {
    IllegalTransition: 409,
    VersionConflict: 412,
    PolicyMissing: 409,
    DueInPast: 422,
    TicketArchivedError: 409,
    UnknownTicket: 409,
}
METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
TITLES: Mapping[int, str] = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Conflict",
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
    """The one place where a problem becomes a response."""
    body = body_of(problem, getattr(request.state, "request_id", None))
    return JSONResponse(body, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def from_exception(error: Exception) -> Problem:
    """The problem an exception amounts to."""
    match error:
        case Problem():
            return error
        case Refusal():
            status = next((code for kind, code in REFUSAL_STATUS.items() if isinstance(error, kind)), 409)
            headers = {"Retry-After": "1"} if isinstance(error, UnknownTicket) else None
            told = {"ticket_status" if name == "status" else name: value for name, value in error.details.items()}
            return Problem(status, error.code, error.message, headers=headers, **told)
        case TicketsUnavailable():
            return unavailable("the ticket's workflow did not answer in time; send the same request again")
        case RequestValidationError():
            return _invalid_request(error)
        case HTTPException():
            code = {404: "not_found", 405: "method_not_allowed", 408: "too_slow", 413: "too_large"}.get(
                error.status_code, "http_error"
            )
            return Problem(error.status_code, code, str(error.detail), headers=dict(error.headers or {}))
    if is_unreachable(error):
        return unavailable("the database does not answer; send the same request again")
    return Problem(500, "internal_error", "this is our fault; the request id helps us to find it")


def _invalid_request(error: RequestValidationError) -> Problem:
    errors = [
        {
            "pointer": _pointer(item["loc"]),
            "detail": str(item["msg"]).removeprefix("Value error, "),
            "kind": item["type"],
        }
        for item in error.errors()
    ][:50]
    where = errors[0]["pointer"] if errors else ""
    detail = f"{where}: {errors[0]['detail']}" if errors else "the request is not valid"
    if any(item["kind"] == "json_invalid" for item in errors):
        return Problem(400, "malformed_json", "the body is not valid JSON", errors=errors)
    return Problem(422, "invalid_input", detail, errors=errors)


def _pointer(location: Sequence[int | str]) -> str:
    """A JSON pointer for the body; `query:limit` and the like for the other places."""
    place, *path = (part for part in location if part not in (SECONDS, DAYS))
    pointer = pointer_to(*path)
    return pointer if place == "body" else f"{place}:{pointer[1:]}"


def pointer_to(*path: str | int) -> str:
    """The JSON pointer of a path in the body."""
    return "/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _methods_at(app: FastAPI, request: Request) -> list[str]:
    """What the address takes: Starlette tells it of the first of its routes only."""
    scopes = {method: {**request.scope, "method": method} for method in METHODS}
    return [
        method for method, scope in scopes.items() if any(route.matches(scope)[0] is Match.FULL for route in app.routes)
    ]


def install(app: FastAPI) -> None:
    """Renders every error of the app as a problem."""

    async def handle(request: Request, error: Exception) -> Response:
        problem = from_exception(error)
        if problem.status == 405:
            problem.headers["Allow"] = ", ".join(_methods_at(app, request))
        route = getattr(request.scope.get("route"), "path", None)
        if problem.status == 503:
            log.warning("http.unavailable", route=route, error=repr(error))
        elif problem.status >= 500:
            log.error("http.failed", route=route, code=problem.code, exc_info=error)
        return render(request, problem)

    known = (Problem, Refusal, TicketsUnavailable, RequestValidationError, HTTPException, DBAPIError, *UNREACHABLE)
    for kind in (*known, Exception):
        app.add_exception_handler(kind, handle)
