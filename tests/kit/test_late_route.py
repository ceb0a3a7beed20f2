"""A route that is read late answers, refuses and is described as FastAPI's own."""

import inspect
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Response
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel

from shared.kit.http.late_route import LateRoute
from shared.kit.http.routers import HttpRouter


class Thing(BaseModel):
    name: str
    count: int = 1


async def get_language(accept_language: Annotated[str, Header()] = "none") -> str:
    return accept_language


async def make(thing: Thing, language: Annotated[str, Depends(get_language)], times: int = 1) -> dict[str, Thing]:
    """Makes things."""
    return {language: Thing(name=thing.name, count=thing.count * times)}


async def remove(name: str) -> None:
    """Removes one."""


async def say(name: str) -> str:
    return name


async def look(response: Response, name: str) -> Thing:
    response.headers["etag"] = '"1"'
    return Thing(name=name)


def app_of(route_class: type[APIRoute]) -> FastAPI:
    """An app with routes of many kinds, in a router that is included with settings of its own."""
    router = APIRouter(prefix="/things", tags=["things"], route_class=route_class)
    router.add_api_route("", make, methods=["post"], status_code=201, responses={409: {"model": Thing}})
    router.add_api_route("/{name}", remove, methods=["DELETE"], status_code=204, deprecated=True)
    router.add_api_route("/{name}", look, response_model_exclude_unset=True, name="look_at_it", summary="Looks")
    router.add_api_route("/{name}/said", say, response_class=PlainTextResponse, include_in_schema=False)
    app = FastAPI()
    app.include_router(router, prefix="/v1", dependencies=[Depends(get_language)], tags=["all"])
    return app


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/things?times=3", {"name": "a"}),
        ("POST", "/v1/things?times=x", {"count": 2}),
        ("DELETE", "/v1/things/a", None),
        ("GET", "/v1/things/a", None),
        ("GET", "/v1/things/a/said", None),
        ("PATCH", "/v1/things/a", None),
        ("GET", "/things/a", None),
    ],
)
async def test_it_answers_as_fastapis_own_does(method: str, path: str, body: Any) -> None:
    answers = []
    for route_class in (APIRoute, LateRoute):
        transport: Any = httpx2.ASGITransport(app=app_of(route_class))
        async with httpx2.AsyncClient(transport=transport, base_url="http://here.example") as http:
            answer = await http.request(method, path, json=body, headers={"Accept-Language": "de"})
            answers.append((answer.status_code, answer.headers, answer.content))
    assert answers[0] == answers[1]


def test_it_is_described_as_fastapis_own() -> None:
    assert app_of(LateRoute).openapi() == app_of(APIRoute).openapi()


def test_it_gives_what_fastapis_own_has() -> None:
    settings: Any = {"methods": ["post"], "responses": {409: {"model": Thing}}}
    late, own = LateRoute("/things", make, **settings), APIRoute("/things", make, **settings)
    assert [field.name for field in late.dependant.query_params] == ["times"]
    assert late == own
    assert late.path_regex == own.path_regex
    assert (late.unique_id, late.description, late.response_model) == (
        own.unique_id,
        own.description,
        own.response_model,
    )
    assert not hasattr(late, "unheard_of")


class WatchedEndpoint:
    """Knows how often somebody asked what it takes."""

    read = 0

    @property
    def __signature__(self) -> inspect.Signature:
        self.read += 1
        return inspect.signature(say)

    async def __call__(self, name: str) -> str:
        return name


async def test_an_endpoint_is_read_when_a_path_of_its_router_is_asked_for() -> None:
    asked, other = WatchedEndpoint(), WatchedEndpoint()
    outer, inner, sibling = HttpRouter(), HttpRouter(prefix="/asked"), HttpRouter(prefix="/other")
    inner.add_api_route("/{name}", asked)
    sibling.add_api_route("/{name}", other)
    outer.include_router(inner)
    outer.include_router(sibling)
    app = FastAPI()
    outer.include_in(app)
    assert (asked.read, other.read) == (0, 0)
    transport: Any = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://here.example") as http:
        assert (await http.get("/asked/a")).json() == "a"
        before = asked.read
        assert (await http.get("/asked/b")).json() == "b"
    assert 0 < asked.read == before
    assert other.read == 0
