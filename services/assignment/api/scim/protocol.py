"""Common parts of SCIM routes: authentication, request parameters, responses and errors."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from services.assignment.access.scim.documents import Json
from services.assignment.access.scim.errors import MEDIA_TYPE, ScimRefusal, bad_request, error_response
from services.assignment.access.scim.filters import parse_filter
from services.assignment.access.scim.resources import Projection
from services.assignment.access.scim.store import ListRequest
from services.assignment.deps import AgentsAdmin, State
from services.assignment.queries.access.callers import Caller
from shared.domain.errors import Refusal
from shared.kit.http.error_handlers import from_exception
from shared.kit.http.late_route import LateRoute
from shared.kit.http.problems import Problem
from shared.kit.http.strict_json import is_json, media_type_of, read_json
from shared.kit.outages import is_unreachable

MAX_COUNT = 200
USUAL_COUNT = 100
KINDS = {"malformed_json": "invalidSyntax", "too_deep": "invalidSyntax", "already_exists": "uniqueness"}
"""scimTypes of problems that are not SCIM's own."""


class ScimRoute(LateRoute):
    """A route whose refusals have the form of RFC 7644, section 3.12."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Turns what is raised for the caller into a SCIM error; what is our fault goes on as it is."""
        handle = super().get_route_handler()

        async def handle_as_scim(request: Request) -> Response:
            try:
                return await handle(request)
            except ScimRefusal as refusal:
                return error_response(refusal.status, refusal.detail, refusal.kind)
            except (Problem, Refusal, RequestValidationError, HTTPException) as error:
                return _of(from_exception(error))
            except Exception as error:
                if not is_unreachable(error):
                    raise
                return _of(from_exception(error))

        return handle_as_scim


def _of(problem: Problem) -> Response:
    status = 400 if problem.status == 422 else problem.status
    kind = KINDS.get(problem.code, "invalidValue" if status == 400 else "")
    return error_response(status, problem.detail, kind, dict(problem.headers))


async def get_directory(caller: AgentsAdmin) -> Caller:
    """Whoever keeps the directory: what it gives away is measured by all that its token's owner may."""
    return caller.as_owner


Directory = Annotated[Caller, Depends(get_directory)]


async def get_body(request: Request) -> Any:
    """The JSON body, under either of its media types. Raises Problem 400 and 415."""
    media_type = media_type_of(request)
    if media_type and not is_json(media_type):
        raise Problem(415, "unsupported_media_type", f"send the body as {MEDIA_TYPE}")
    return read_json(await request.body())


Body = Annotated[Any, Depends(get_body)]


@dataclass(frozen=True, slots=True)
class ScimRequest:
    """Where resources are found, which parts are wanted, and which version is expected."""

    base: str
    projection: Projection
    if_match: str | None
    if_none_match: str | None

    @property
    def _known(self) -> set[str]:
        """The versions that the client has."""
        return {one.strip() for one in (self.if_none_match or "").split(",")}

    def answer(self, resource: Json, status: int = 200) -> Response:
        """A resource as sent, with its version; nothing but that if the client has it already."""
        meta = resource.get("meta", {})
        headers = {"ETag": meta["version"], "Location": meta["location"]}
        if meta["version"] in self._known or "*" in self._known:
            return Response(status_code=304, headers=headers)
        return scim_response(self.projection.of(resource), status, headers)


async def get_scim_request(request: Request, context: State) -> ScimRequest:
    """Reads what all requests may say. Raises ScimRefusal 400."""
    query = request.query_params
    return ScimRequest(
        base=f"{context.settings.desk_url.rstrip('/')}/scim/v2",
        projection=Projection.parse(query.get("attributes"), query.get("excludedAttributes")),
        if_match=request.headers.get("if-match"),
        if_none_match=request.headers.get("if-none-match"),
    )


Asked = Annotated[ScimRequest, Depends(get_scim_request)]


async def get_list_request(request: Request, asked: Asked) -> ListRequest:
    """The part of a list that is asked for. Raises ScimRefusal 400."""
    query = request.query_params
    return list_request(asked.base, query.get("filter"), query.get("startIndex"), query.get("count"))


ListAsked = Annotated[ListRequest, Depends(get_list_request)]


def list_request(base: str, condition: Any, start: Any, count: Any) -> ListRequest:
    """Reads a page's place: below 1 is 1, more than we give at once is as much as we give. Raises ScimRefusal 400."""
    text = condition.strip() if isinstance(condition, str) else ""
    return ListRequest(
        condition=parse_filter(text) if text else None,
        start=max(1, _number("startIndex", start, 1)),
        count=min(MAX_COUNT, max(0, _number("count", count, USUAL_COUNT))),
        base=base,
    )


def search_request(base: str, body: Any) -> tuple[ListRequest, Projection]:
    """What a search (RFC 7644, section 3.4.3) asks for in its body. Raises ScimRefusal 400."""
    said: Json = body if isinstance(body, dict) else {}
    page = list_request(base, said.get("filter"), said.get("startIndex"), said.get("count"))
    names = (",".join(map(str, said.get(name) or ())) for name in ("attributes", "excludedAttributes"))
    return page, Projection.parse(*names)


def _number(name: str, given: Any, usual: int) -> int:
    if given in (None, ""):
        return usual
    try:
        number = int(given)
    except (ValueError, TypeError):
        raise bad_request("invalidValue", f"{name} is a whole number") from None
    return max(-1, min(number, 2**31 - 1))


def scim_response(body: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A body under SCIM's media type."""
    return JSONResponse(body, status, headers={"Cache-Control": "no-store", **(headers or {})}, media_type=MEDIA_TYPE)
