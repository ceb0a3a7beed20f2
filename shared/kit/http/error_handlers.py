"""Every exception of a FastAPI app as the problem it amounts to."""

from collections.abc import Mapping, Sequence

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
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
from shared.kit.db import UNREACHABLE
from shared.kit.http.problems import Problem, of_http_exception, pointer_to, render, unavailable
from shared.kit.outages import is_unreachable
from shared.kit.telemetry import log
from shared.kit.ticket_errors import TicketsUnavailable

REFUSAL_STATUS: Mapping[type[Refusal], int] = {
    IllegalTransition: 409,
    VersionConflict: 412,
    PolicyMissing: 409,
    DueInPast: 422,
    TicketArchivedError: 409,
    UnknownTicket: 409,
}
METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


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
            return of_http_exception(error)
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
        elif problem.status in (401, 403):
            log.info("http.refused", route=route, status=problem.status, code=problem.code)
        return render(request, problem)

    known = (Problem, Refusal, TicketsUnavailable, RequestValidationError, HTTPException, DBAPIError, *UNREACHABLE)
    for kind in (*known, Exception):
        app.add_exception_handler(kind, handle)
