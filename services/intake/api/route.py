"""What all API routes share: strict JSON in, `RateLimit` headers and prepared bytes out."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

from shared.kit.http.strict_json import StrictJsonRoute


class ApiRoute(StrictJsonRoute):
    """A route that tells the caller what is left of its budget, whatever kind of response it returns."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Adds the headers that `api.access` has left on the request."""
        handle = super().get_route_handler()

        async def handle_and_tell(request: Request) -> Response:
            response = await handle(request)
            for name, value in getattr(request.state, "rate_limit", {}).items():
                response.headers.setdefault(name, value)
            return response

        return handle_and_tell


def answer(body: BaseModel | bytes, status: int = 200, **headers: str) -> Response:
    """A JSON response made without a second validation. Header names are written with underscores."""
    content = body if isinstance(body, bytes) else body.model_dump_json().encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(content, status, named, media_type="application/json")
