"""Pages answer problems as pages: whoever fills in a form never meets JSON."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from services.intake.deps import parts_of
from services.intake.web.forms import NotValid
from shared.domain.errors import Refusal
from shared.kit.db import is_unreachable
from shared.kit.http.problems import Problem, from_exception
from shared.kit.unavailable import TicketsUnavailable


class PageRoute(APIRoute):
    """A route whose refusals are rendered as a page."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Turns what is raised for the reader's eyes into a page; what is our fault goes on as it is."""
        handle = super().get_route_handler()

        async def handle_as_page(request: Request) -> Response:
            try:
                return await handle(request)
            except NotValid as wrong:
                return await _page(request, Problem(422, "invalid_input", "; ".join(wrong.errors.values())))
            except (Problem, Refusal, TicketsUnavailable, RequestValidationError, HTTPException) as error:
                return await _page(request, from_exception(error))
            except Exception as error:
                if not is_unreachable(error):
                    raise
                return await _page(request, from_exception(error))

        return handle_as_page


async def _page(request: Request, problem: Problem) -> Response:
    parts = await parts_of(request)
    page = parts.pages.render(request, "problem.html", problem.status, problem=problem)
    page.headers.update(problem.headers)
    return page
