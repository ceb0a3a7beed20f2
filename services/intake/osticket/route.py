"""The addresses of the old help desk's API: the suffix decides what a body is, and every answer is plain text."""

import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from services.intake.access.key_scopes import KeyScope
from services.intake.app_state import AppState
from services.intake.attachments.object_store import StorageUnavailable
from services.intake.deps import State, get_app_state
from services.intake.errors import storage_away
from services.intake.mail.http_pipe import NotSettled, SenderBanned
from services.intake.osticket.accept import accept
from services.intake.osticket.authentication import permitted
from services.intake.osticket.refusals import OldRequestNotValid, denied, not_settled, unreadable, unsupported
from shared.kit.http.error_handlers import from_exception
from shared.kit.http.idempotency import IdempotencyKey
from shared.kit.http.problems import Problem
from shared.kit.outages import is_unreachable

EMAIL = "email"
IGNORED = "ignored"
"""In place of a number, for a loop or a bounce of nothing we know: pipes try again after anything but a 201."""
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
_TICKETS = re.compile(r"(?:http\.php/)?tickets\.(json|xml|email)")
_CRON = re.compile(r"(?:http\.php/)?tasks/cron")
AS_HTML = "text/html; charset=UTF-8"
"""What the old help desk calls its plain text; clients may look."""


class PlainTextRoute(APIRoute):
    """A route whose refusals are plain text, as its clients know them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Turns what is raised for the client's eyes into text; what is our fault goes on as it is."""
        handle = super().get_route_handler()

        async def handle_as_text(request: Request) -> Response:
            try:
                return await handle(request)
            except OldRequestNotValid as wrong:
                state = await get_app_state(request)
                return _refused(wrong.as_problem(state.settings.osticket_invalid_status))
            except (Problem, RequestValidationError, HTTPException) as error:
                return _refused(from_exception(error))
            except Exception as error:
                if not is_unreachable(error):
                    raise
                return _refused(from_exception(error))

        return handle_as_text


router = APIRouter(prefix="/api", route_class=PlainTextRoute, include_in_schema=False)


@router.api_route("/{path:path}", methods=METHODS)
async def answer(request: Request, path: str, state: State, idempotency_key: IdempotencyKey = None) -> Response:
    """Makes a ticket, and refuses everything else as the old help desk did."""
    if _method(request) != "POST":
        raise unsupported()
    if found := _TICKETS.fullmatch(path):
        number = await _make_ticket(request, state, found[1], idempotency_key)
        return Response(number, 201, media_type=AS_HTML)
    if _CRON.fullmatch(path):
        await permitted(request, state, None)
        return Response("Completed", media_type=AS_HTML)
    raise unsupported()


async def _make_ticket(request: Request, state: AppState, suffix: str, idempotency_key: str | None) -> str:
    key = await permitted(request, state, KeyScope.CREATE)
    if suffix == EMAIL:
        return await _hand_over(state, await request.body())
    return await accept(state, key, suffix, await request.body(), idempotency_key)


async def _hand_over(state: AppState, raw: bytes) -> str:
    if not raw.strip():
        raise unreadable("the mail is empty")
    try:
        return await state.mail_pipe.submit(raw) or IGNORED
    except SenderBanned:
        raise denied() from None
    except NotSettled:
        raise not_settled() from None
    except StorageUnavailable:
        raise storage_away() from None


def _method(request: Request) -> str:
    """The old help desk lets `_method` in the address say it."""
    return (request.query_params.get("_method") or request.method).upper()


def _refused(problem: Problem) -> Response:
    return Response(problem.detail, problem.status, problem.headers, media_type="text/plain; charset=UTF-8")
