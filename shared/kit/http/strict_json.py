"""JSON bodies read strictly: UTF-8 only, no NaN, no unpaired surrogates, and a media type that says JSON."""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from pydantic_core import from_json

from shared.contracts.redaction import LIGHT
from shared.kit.http.body_check import redact_sent
from shared.kit.http.late_route import LateRoute
from shared.kit.http.problems import Problem

MAX_DEPTH = 32
"""Arrays and objects within each other: far more than any request of ours needs."""


class StrictJsonRoute(LateRoute):
    """A route whose JSON body is what RFC 8259 calls interoperable. Use as a router's `route_class`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Parses the body before FastAPI does, which then finds it parsed."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            if self.body_field is None:
                return await handle(request)
            parsed = await _Parsed.of(request)
            if len(await parsed.body()) > LIGHT:
                await redact_sent(request, await parsed.json())
            return await handle(parsed)

        return handle_strictly


class _Parsed(Request):
    _parsed: Any = None

    @classmethod
    async def of(cls, request: Request) -> "_Parsed":
        parsed = cls(request.scope, request.receive)
        if raw := await parsed.body():
            if not is_json(media_type_of(parsed)):
                raise Problem(415, "unsupported_media_type", "send the body as application/json")
            parsed._parsed = read_json(raw)
        return parsed

    async def json(self) -> Any:
        return self._parsed


def media_type_of(request: Request) -> str:
    """What the body says it is, without parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_json(media_type: str) -> bool:
    """True for JSON under any of its names."""
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


def read_json(raw: bytes) -> Any:
    """The value of a JSON body. Raises Problem 400."""
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise Problem(400, "malformed_json", f"the body is not valid JSON in UTF-8: {error}") from None
    if is_deeper(value, MAX_DEPTH):
        raise Problem(400, "too_deep", f"the body nests objects and arrays more than {MAX_DEPTH} deep")
    return value


def is_deeper(value: Any, levels: int) -> bool:
    """Whether arrays and objects nest more than so many levels deep; without recursion."""
    layer = [value]
    for _ in range(levels):
        layer = [inner for outer in layer if isinstance(outer, list | dict) for inner in _content_of(outer)]
    return any(isinstance(inner, list | dict) for inner in layer)


def _content_of(outer: list[Any] | dict[str, Any]) -> Iterable[Any]:
    return outer.values() if isinstance(outer, dict) else outer
