"""JSON bodies read strictly: UTF-8 only, no NaN, no unpaired surrogates, and a media type that says JSON."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic_core import from_json

from shared.kit.http.problems import Problem


class StrictJsonRoute(APIRoute):
    """A route whose JSON body is what RFC 8259 calls interoperable. Use as a router's `route_class`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Parses the body before FastAPI does, which then finds it parsed."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def handle_strictly(request: Request) -> Response:
            return await handle(await _Parsed.of(request))

        return handle_strictly


class _Parsed(Request):
    _parsed: Any = None

    @classmethod
    async def of(cls, request: Request) -> "_Parsed":
        parsed = cls(request.scope, request.receive)
        if raw := await parsed.body():
            _check_media_type(parsed.headers.get("content-type", ""))
            try:
                parsed._parsed = from_json(raw, allow_inf_nan=False)
            except ValueError as error:
                raise Problem(400, "malformed_json", f"the body is not valid JSON in UTF-8: {error}") from None
        return parsed

    async def json(self) -> Any:
        return self._parsed


def _check_media_type(content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise Problem(415, "unsupported_media_type", "send the body as application/json")
