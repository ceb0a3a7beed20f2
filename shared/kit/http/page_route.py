"""Pages answer problems as pages: whoever fills in a form never meets JSON."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from shared.domain.errors import Refusal
from shared.kit.http.error_handlers import from_exception
from shared.kit.http.late_route import LateRoute
from shared.kit.http.problems import Problem
from shared.kit.outages import is_unreachable
from shared.kit.ticket_errors import TicketsUnavailable

SHOWN = (Problem, Refusal, TicketsUnavailable, RequestValidationError, HTTPException)
"""What is raised for the reader's eyes."""


class BasePageRoute(LateRoute, ABC):
    """A route whose refusals are rendered as a page; each service says how its pages look."""

    @abstractmethod
    async def render_problem(self, request: Request, problem: Problem) -> Response:
        """What went wrong, as a page."""

    async def answer_own(self, _request: Request, _error: Exception) -> Response | None:
        """The answer to an error that only this service's pages know; None for any other."""
        return None

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Turns what is raised for the reader's eyes into a page; what is our fault goes on as it is."""
        handle = super().get_route_handler()

        async def handle_as_page(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as error:
                own = await self.answer_own(request, error)
                if own is not None:
                    return own
                if not isinstance(error, SHOWN) and not is_unreachable(error):
                    raise
                return await self.render_problem(request, from_exception(error))

        return handle_as_page
